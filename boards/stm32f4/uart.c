/* USART of the STM32F4. */
#include "../cortex-m/uart.h"

#include "build_config.h"

typedef struct {
    volatile uint32_t status;
    volatile uint32_t data;
    volatile uint32_t baud_divider;
    volatile uint32_t control;
} usart_t;

#define USART ((usart_t *)BOARD_UART_BASE)

#define STATUS_OVERRUN (1u << 3)
#define STATUS_RX_READY (1u << 5)
#define STATUS_TX_COMPLETE (1u << 6)
#define STATUS_TX_EMPTY (1u << 7)
#define CONTROL_RX (1u << 2)
#define CONTROL_TX (1u << 3)
#define CONTROL_RX_INTERRUPT (1u << 5)
#define CONTROL_TX_INTERRUPT (1u << 7)
#define CONTROL_ENABLE (1u << 13)
#define CONTROL_ON (CONTROL_ENABLE | CONTROL_TX | CONTROL_RX | CONTROL_RX_INTERRUPT)

static volatile bool overrun;

/* The control register is changed by thread and interrupt alike, so each change is masked: a
 * read-modify-write that an interrupt fell into would undo what that did. */
static void change_control(uint32_t clear, uint32_t set) {
    uint32_t masked;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(masked)::"memory");
    USART->control = (USART->control & ~clear) | set;
    __asm volatile("msr primask, %0" ::"r"(masked) : "memory");
}

void uart_init(void) {
    /* Oversampling by 16: the divider in sixteenths is clock / baud. */
    USART->baud_divider = (BOARD_UART_CLOCK_HZ + BOARD_BAUD / 2u) / BOARD_BAUD;
    USART->control = CONTROL_ON;
}

/* The transmitter asks for bytes as long as it is empty, so it is silenced until the next is sent.
 */
void uart_acknowledge(void) {
    if ((USART->status & STATUS_TX_EMPTY) != 0u) {
        change_control(CONTROL_TX_INTERRUPT, 0);
    }
}

bool uart_receive(uint8_t *byte) {
    const uint32_t status = USART->status;
    if ((status & (STATUS_RX_READY | STATUS_OVERRUN)) == 0u) {
        return false;
    }
    /* Reading the data after the status withdraws both flags, so a loss is remembered here. */
    *byte = (uint8_t)USART->data;
    overrun = overrun || (status & STATUS_OVERRUN) != 0u;
    return (status & STATUS_RX_READY) != 0u;
}

void uart_receive_interrupt(bool on) {
    if (on) {
        change_control(0, CONTROL_RX_INTERRUPT);
    } else {
        change_control(CONTROL_RX_INTERRUPT, 0);
    }
}

bool uart_overrun(void) {
    const bool lost = overrun;
    overrun = false;
    return lost;
}

bool uart_send(uint8_t byte) {
    if ((USART->status & STATUS_TX_EMPTY) == 0u) {
        return false;
    }
    USART->data = byte;
    change_control(0, CONTROL_TX_INTERRUPT);
    return true;
}

bool uart_busy(void) {
    return (USART->status & STATUS_TX_COMPLETE) == 0u;
}
