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
#define CONTROL_ON (CONTROL_TX | CONTROL_RX | CONTROL_RX_INTERRUPT)
#define INTERRUPT_TX (1u << 0)
#define INTERRUPT_RX (1u << 1)

/* What the control register holds. It interrupts after a byte was sent only while another one
 * waits: most find the UART free, and an interrupt for each would cost more than to send it. */
static uint32_t control;

static void set_control(uint32_t bits, bool on) {
    control = on ? control | bits : control & ~bits;
    UART->control = control;
}

void uart_init(void) {
    UART->baud_divider = BOARD_CLOCK_HZ / BOARD_BAUD;
    set_control(CONTROL_ON, true);
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
    set_control(CONTROL_RX_INTERRUPT, on);
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
        set_control(CONTROL_TX_INTERRUPT, true);
        if (uart_busy()) { /* asked again: it may have become free before the interrupt was on */
            return false;
        }
    }
    if ((control & CONTROL_TX_INTERRUPT) != 0u) {
        set_control(CONTROL_TX_INTERRUPT, false);
    }
    UART->data = byte;
    return true;
}

bool uart_busy(void) {
    return (UART->state & STATE_TX_FULL) != 0u;
}
