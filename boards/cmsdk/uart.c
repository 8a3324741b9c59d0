/* CMSDK UART of the Arm MPS2 and MPS3 images. */
#include "../cortex-m/uart.h"

#include "build_config.h"

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt; /* reads status, a written 1 clears */
    volatile uint32_t baud_divider;
} uart_t;

#define UART ((uart_t *)BOARD_UART_BASE)

#define STATE_TX_FULL (1u << 0)
#define STATE_RX_FULL (1u << 1)
#define STATE_RX_OVERRUN (1u << 3)
#define CONTROL_TX (1u << 0)
#define CONTROL_RX (1u << 1)
#define CONTROL_TX_INTERRUPT (1u << 2)
#define CONTROL_RX_INTERRUPT (1u << 3)
#define CONTROL_ON (CONTROL_TX | CONTROL_RX | CONTROL_TX_INTERRUPT | CONTROL_RX_INTERRUPT)
#define INTERRUPT_TX (1u << 0)
#define INTERRUPT_RX (1u << 1)

void uart_init(void) {
    UART->baud_divider = BOARD_CLOCK_HZ / BOARD_BAUD;
    UART->control = CONTROL_ON;
    /* Drops a stale byte. QEMU also needs it: bytes that came before the receiver was on are kept,
     * and handed over only after a read. */
    (void)UART->data;
}

void uart_acknowledge(void) {
    UART->interrupt = INTERRUPT_RX | INTERRUPT_TX;
}

bool uart_receive(uint8_t *byte) {
    if ((UART->state & STATE_RX_FULL) == 0u) {
        return false;
    }
    *byte = (uint8_t)UART->data;
    return true;
}

void uart_receive_interrupt(bool on) {
    UART->control = on ? CONTROL_ON : CONTROL_ON & ~CONTROL_RX_INTERRUPT;
}

bool uart_overrun(void) {
    if ((UART->state & STATE_RX_OVERRUN) == 0u) {
        return false;
    }
    UART->state = STATE_RX_OVERRUN;
    return true;
}

bool uart_send(uint8_t byte) {
    if (uart_busy()) {
        return false;
    }
    UART->data = byte;
    return true;
}

bool uart_busy(void) {
    return (UART->state & STATE_TX_FULL) != 0u;
}
