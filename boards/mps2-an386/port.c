/* CMSDK UART and timer of the Arm MPS2 images: interrupt-driven rings, a 32-bit stopwatch. */
#include "port.h"

#include "build_config.h"

#define RX_RING_BYTES 512u /* powers of two */
#define TX_RING_BYTES 256u

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt; /* reads status, a written 1 clears */
    volatile uint32_t baud_divider;
} uart_t;

typedef struct {
    volatile uint32_t control;
    volatile uint32_t value; /* counts down */
    volatile uint32_t reload;
    volatile uint32_t interrupt;
} timer_registers_t;

#define UART ((uart_t *)BOARD_UART_BASE)
#define TIMER ((timer_registers_t *)BOARD_TIMER_BASE)
#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)

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
#define BAUD_RATE 1000000u
#define TIMER_ENABLE (1u << 0)
#define TIMER_START 0xFFFFFFFFu

void uart0_receive_handler(void);
void uart0_transmit_handler(void);

/* Single producer, single consumer: each index is written on one side only. */
static struct {
    uint8_t rx[RX_RING_BYTES];
    uint8_t tx[TX_RING_BYTES];
    volatile uint32_t rx_head, rx_tail, tx_head, tx_tail;
    volatile uint32_t overruns;
    volatile bool rx_paused;
} port;

void port_init(void) {
    UART->baud_divider = BOARD_CLOCK_HZ / BAUD_RATE;
    UART->control = CONTROL_ON;
    TIMER->reload = TIMER_START;
    /* Drops a stale byte. QEMU also needs it: bytes that came before the receiver was on are kept,
     * and handed over only after a read. */
    (void)UART->data;
    NVIC_ENABLE = 0x3u; /* UART0 receive and transmit */
}

/* Running only while it measures: a running timer would give the emulator a deadline to skip to at
 * each WFI, and its phase against the instructions would depend on when bytes came in. */
void port_stopwatch_start(void) {
    TIMER->value = TIMER_START;
    TIMER->control = TIMER_ENABLE;
}

uint32_t port_stopwatch_stop(void) {
    const uint32_t value = TIMER->value;
    TIMER->control = 0;
    return TIMER_START - value;
}

/* Take what has come, until the ring is full. Then the rest waits in the UART with its interrupt
 * off: an emulated sender is held back by that, and on a wire the UART itself sees the overrun. */
static void receive_pending(void) {
    /* Cleared before draining: a byte that comes in between raises it again. */
    UART->interrupt = INTERRUPT_RX;
    while ((UART->state & STATE_RX_FULL) != 0u) {
        const uint32_t head = port.rx_head;
        if (head - port.rx_tail == RX_RING_BYTES) {
            UART->control = CONTROL_ON & ~CONTROL_RX_INTERRUPT;
            port.rx_paused = true;
            return;
        }
        port.rx[head % RX_RING_BYTES] = (uint8_t)UART->data;
        port.rx_head = head + 1u;
    }
    if ((UART->state & STATE_RX_OVERRUN) != 0u) {
        UART->state = STATE_RX_OVERRUN;
        port.overruns++;
    }
}

void uart0_receive_handler(void) {
    receive_pending();
}

static void resume_receiving(void) {
    __asm volatile("cpsid i" ::: "memory");
    port.rx_paused = false;
    UART->control = CONTROL_ON;
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
    *byte = port.rx[tail % RX_RING_BYTES];
    port.rx_tail = tail + 1u;
    return true;
}

/* With interrupts masked WFI still wakes on a pending one, so a byte that comes between the check
 * and the sleep is not slept over. */
void port_wait(void) {
    __asm volatile("cpsid i" ::: "memory");
    if (port.rx_head == port.rx_tail) {
        __asm volatile("wfi" ::: "memory");
    }
    __asm volatile("cpsie i" ::: "memory");
}

static void transmit_pending(void) {
    while (port.tx_tail != port.tx_head && (UART->state & STATE_TX_FULL) == 0u) {
        const uint32_t tail = port.tx_tail;
        UART->data = port.tx[tail % TX_RING_BYTES];
        port.tx_tail = tail + 1u;
    }
}

void uart0_transmit_handler(void) {
    UART->interrupt = INTERRUPT_TX;
    transmit_pending();
}

void port_write(uint8_t byte) {
    while (port.tx_head - port.tx_tail >= TX_RING_BYTES) {
        /* the interrupt handler makes room */
    }
    port.tx[port.tx_head % TX_RING_BYTES] = byte;
    port.tx_head = port.tx_head + 1u;
    __asm volatile("cpsid i" ::: "memory");
    transmit_pending();
    __asm volatile("cpsie i" ::: "memory");
}

void port_flush(void) {
    while (port.tx_tail != port.tx_head || (UART->state & STATE_TX_FULL) != 0u) {
    }
}

void port_write_in_fault(uint8_t byte) {
    while ((UART->state & STATE_TX_FULL) != 0u) {
    }
    UART->data = byte;
}

uint32_t port_overruns(void) {
    return port.overruns;
}
