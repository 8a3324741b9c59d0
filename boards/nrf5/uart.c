/* UART of the nRF51, which the nRF52840 still has beside its UARTE (same registers, no DMA). */
#include "../cortex-m/uart.h"

#include "build_config.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_UART_BASE + (offset)))
#define START_RX REGISTER(0x000u)
#define START_TX REGISTER(0x008u)
#define RX_READY REGISTER(0x108u)
#define TX_READY REGISTER(0x11Cu)
#define INTERRUPT_SET REGISTER(0x304u)
#define INTERRUPT_CLEAR REGISTER(0x308u)
#define ERROR_SOURCE REGISTER(0x480u)
#define ENABLE REGISTER(0x500u)
#define PIN_TXD REGISTER(0x50Cu)
#define PIN_RXD REGISTER(0x514u)
#define RXD REGISTER(0x518u)
#define TXD REGISTER(0x51Cu)
#define BAUD REGISTER(0x524u)

#define ENABLED 4u
/* 2^32 stands for the 16 MHz that the generator counts. */
#define BAUD_FACTOR ((uint32_t)(((uint64_t)BOARD_BAUD << 32) / 16000000u))
#define INTERRUPT_RX (1u << 2)
#define INTERRUPT_TX (1u << 7)
#define ERROR_OVERRUN (1u << 0)

static volatile bool sending;

void uart_init(void) {
    PIN_TXD = BOARD_UART_TX_PIN;
    PIN_RXD = BOARD_UART_RX_PIN;
    BAUD = BAUD_FACTOR;
    ENABLE = ENABLED;
    START_RX = 1;
    START_TX = 1;
    INTERRUPT_SET = INTERRUPT_RX | INTERRUPT_TX;
}

/* RX_READY stays: it says that a byte is there, and taking the byte withdraws it. */
void uart_acknowledge(void) {
    if (TX_READY != 0u) {
        TX_READY = 0;
        sending = false;
    }
}

bool uart_receive(uint8_t *byte) {
    if (RX_READY == 0u) {
        return false;
    }
    RX_READY = 0; /* before the read, which raises it again when another byte waits */
    *byte = (uint8_t)RXD;
    return true;
}

void uart_receive_interrupt(bool on) {
    if (on) {
        INTERRUPT_SET = INTERRUPT_RX;
    } else {
        INTERRUPT_CLEAR = INTERRUPT_RX;
    }
}

bool uart_overrun(void) {
    if ((ERROR_SOURCE & ERROR_OVERRUN) == 0u) {
        return false;
    }
    ERROR_SOURCE = ERROR_OVERRUN;
    return true;
}

bool uart_send(uint8_t byte) {
    if (sending) {
        return false;
    }
    sending = true;
    TXD = byte;
    return true;
}

bool uart_busy(void) {
    return sending;
}
