/* The byte channel of port.h for any Cortex-M: interrupt-driven rings over uart.h. */
#include "afe.h"
#include "board.h"
#include "build_config.h"
#include "nvic.h"
#include "port.h"
#include "uart.h"

#ifndef BOARD_RX_RING_BYTES
#define BOARD_RX_RING_BYTES 512u /* powers of two */
#endif
#ifndef BOARD_TX_RING_BYTES
#define BOARD_TX_RING_BYTES 1024u /* likewise; holds what a stream sends in a hop */
#endif

void uart_handler(void);

/* Single producer, single consumer: each index is written on one side only. */
static struct {
    uint8_t rx[BOARD_RX_RING_BYTES];
    uint8_t tx[BOARD_TX_RING_BYTES];
    volatile uint32_t rx_head, rx_tail, tx_head, tx_tail;
    volatile uint32_t overruns;
    volatile uint32_t interrupt_ticks;
    volatile bool rx_paused;
} port;

__attribute__((weak)) void board_init(void) {
}

void port_init(void) {
    board_init();
    uart_init();
    nvic_enable(BOARD_UART_RX_IRQ);
    nvic_enable(BOARD_UART_TX_IRQ);
}

/* Take what has come, until the ring is full. Then the rest waits in the UART with its interrupt
 * off: an emulated sender is held back by that, and on a wire the UART itself sees the overrun. */
static void receive_pending(void) {
    uint8_t byte;
    for (;;) {
        const uint32_t head = port.rx_head;
        if (head - port.rx_tail == BOARD_RX_RING_BYTES) {
            uart_receive_interrupt(false);
            port.rx_paused = true;
            return;
        }
        if (!uart_receive(&byte)) {
            break;
        }
        port.rx[head % BOARD_RX_RING_BYTES] = byte;
        port.rx_head = head + 1u;
    }
    if (uart_overrun()) {
        port.overruns++;
    }
}

static void transmit_pending(void) {
    while (port.tx_tail != port.tx_head) {
        const uint32_t tail = port.tx_tail;
        if (!uart_send(port.tx[tail % BOARD_TX_RING_BYTES])) {
            return;
        }
        port.tx_tail = tail + 1u;
    }
}

void uart_handler(void) {
    const uint32_t entered = afe_clock();
    /* Acknowledged before draining: a byte that comes in between raises it again. */
    uart_acknowledge();
    if (!port.rx_paused) {
        receive_pending();
    }
    transmit_pending();
    port.interrupt_ticks += afe_clock() - entered;
}

static void resume_receiving(void) {
    __asm volatile("cpsid i" ::: "memory");
    port.rx_paused = false;
    uart_receive_interrupt(true);
    receive_pending();
    __asm volatile("cpsie i" ::: "memory");
}

bool port_read(uint8_t *byte) {
    if (port.rx_paused && port.rx_head == port.rx_tail) {
        resume_receiving();
    }
    const uint32_t tail = port.rx_tail;
    if (tail == port.rx_head) {
        return false;
    }
    *byte = port.rx[tail % BOARD_RX_RING_BYTES];
    port.rx_tail = tail + 1u;
    return true;
}

/* With interrupts masked WFI still wakes on a pending one, so a byte or a sample that comes between
 * the check and the sleep is not slept over. */
void port_wait(void) {
    __asm volatile("cpsid i" ::: "memory");
    if (port.rx_head == port.rx_tail && !firmware_has_work()) {
        __asm volatile("wfi" ::: "memory");
    }
    __asm volatile("cpsie i" ::: "memory");
}

void port_write(uint8_t byte) {
    while (port.tx_head - port.tx_tail >= BOARD_TX_RING_BYTES) {
        /* the interrupt handler makes room */
    }
    port.tx[port.tx_head % BOARD_TX_RING_BYTES] = byte;
    port.tx_head = port.tx_head + 1u;
    __asm volatile("cpsid i" ::: "memory");
    transmit_pending();
    __asm volatile("cpsie i" ::: "memory");
}

void port_flush(void) {
    while (port.tx_tail != port.tx_head || uart_busy()) {
    }
}

/* Interrupts do not run in a fault, so it asks the UART itself. */
void port_write_in_fault(uint8_t byte) {
    while (!uart_send(byte)) {
        uart_acknowledge();
    }
}

uint32_t port_overruns(void) {
    return port.overruns;
}

uint32_t port_interrupt_ticks(void) {
    return port.interrupt_ticks;
}
