/* UART0 of the RP2040 and RP2350: an Arm PL011 with 32-byte FIFOs. */
#include "../cortex-m/uart.h"

#include "build_config.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_UART_BASE + (offset)))
#define DATA REGISTER(0x00u)
#define FLAGS REGISTER(0x18u)
#define BAUD_INTEGER REGISTER(0x24u)
#define BAUD_FRACTION REGISTER(0x28u)
#define LINE_CONTROL REGISTER(0x2Cu)
#define CONTROL REGISTER(0x30u)
#define FIFO_LEVELS REGISTER(0x34u)
#define INTERRUPT_MASK REGISTER(0x38u)
#define INTERRUPT_RAW REGISTER(0x3Cu)
#define INTERRUPT_CLEAR REGISTER(0x44u)

#define FLAG_BUSY (1u << 3)
#define FLAG_RX_EMPTY (1u << 4)
#define FLAG_TX_FULL (1u << 5)
#define LINE_8N1_FIFO ((3u << 5) | (1u << 4))
#define CONTROL_ON ((1u << 0) | (1u << 8) | (1u << 9))
#define LEVELS_ONE_EIGHTH 0u /* receive at 4 bytes in, transmit at 4 bytes left */
#define INTERRUPT_RX (1u << 4)
#define INTERRUPT_TX (1u << 5)
#define INTERRUPT_RX_TIMEOUT (1u << 6)
#define INTERRUPT_OVERRUN (1u << 10)
#define INTERRUPTS_RX (INTERRUPT_RX | INTERRUPT_RX_TIMEOUT)
/* In 1/64: the UART clock (the system clock) over 16 times the rate. */
#define BAUD_DIVIDER ((BOARD_CLOCK_HZ * 4u + BOARD_BAUD / 2u) / BOARD_BAUD)

void uart_init(void) {
    BAUD_INTEGER = BAUD_DIVIDER / 64u;
    BAUD_FRACTION = BAUD_DIVIDER % 64u;
    LINE_CONTROL = LINE_8N1_FIFO; /* after the divider, which takes effect with it */
    FIFO_LEVELS = LEVELS_ONE_EIGHTH;
    INTERRUPT_MASK = INTERRUPTS_RX | INTERRUPT_TX;
    CONTROL = CONTROL_ON;
}

void uart_acknowledge(void) {
    INTERRUPT_CLEAR = INTERRUPTS_RX | INTERRUPT_TX;
}

bool uart_receive(uint8_t *byte) {
    if ((FLAGS & FLAG_RX_EMPTY) != 0u) {
        return false;
    }
    *byte = (uint8_t)DATA;
    return true;
}

void uart_receive_interrupt(bool on) {
    INTERRUPT_MASK = on ? INTERRUPTS_RX | INTERRUPT_TX : INTERRUPT_TX;
}

bool uart_overrun(void) {
    if ((INTERRUPT_RAW & INTERRUPT_OVERRUN) == 0u) {
        return false;
    }
    INTERRUPT_CLEAR = INTERRUPT_OVERRUN;
    return true;
}

/* The FIFO takes bytes until it is full, and asks again when it has drained to its level. */
bool uart_send(uint8_t byte) {
    if ((FLAGS & FLAG_TX_FULL) != 0u) {
        return false;
    }
    DATA = byte;
    return true;
}

bool uart_busy(void) {
    return (FLAGS & FLAG_BUSY) != 0u;
}
