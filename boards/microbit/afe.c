/* The emulated front end on TIMER0 of the nRF51: it runs freely as the clock, and interrupts when
 * it meets a value that is moved on by a period each time. */
#include "afe.h"

#include "../cortex-m/nvic.h"
#include "../emulated/recording.h"
#include "timer.h"

enum { SAMPLE = 1, NOW = 2 };

void afe_handler(void);

static uint32_t period;
static uint32_t before_hold; /* what the clock had counted when the timer was last cleared */

static uint32_t now(void) {
    CAPTURE(NOW) = 1;
    return VALUE(NOW);
}

void afe_handler(void) {
    const uint32_t due = VALUE(SAMPLE);
    const uint32_t late = now() - due;
    EVENT(SAMPLE) = 0;
    VALUE(SAMPLE) = due + period;
    firmware_sample(recording_next(), late);
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (period_ticks < 2u || !recording_open(channels)) {
        return false;
    }
    period = period_ticks;
    before_hold = 0;
    BIT_MODE = BITS_32;
    PRESCALER = 0;
    CLEAR = 1;
    VALUE(SAMPLE) = period;
    EVENT(SAMPLE) = 0;
    INTERRUPT_SET = INTERRUPT(SAMPLE);
    nvic_enable(BOARD_AFE_IRQ);
    START = 1;
    return true;
}

void afe_stop(void) {
    STOP = 1;
    INTERRUPT_CLEAR = INTERRUPT(SAMPLE);
    nvic_disable(BOARD_AFE_IRQ);
    EVENT(SAMPLE) = 0;
}

/* It goes on from zero: QEMU's timer counts what it had counted twice when it starts again. */
bool afe_hold(bool held) {
    if (held) {
        const uint32_t counted = now();
        STOP = 1;
        CLEAR = 1;
        before_hold += counted;
        VALUE(SAMPLE) -= counted;
    } else {
        START = 1;
    }
    return true;
}

uint32_t afe_clock(void) {
    uint32_t masked;
    __asm volatile("mrs %0, primask" : "=r"(masked));
    __asm volatile("cpsid i" ::: "memory"); /* handlers use the same register */
    const uint32_t ticks = before_hold + now();
    if (masked == 0u) {
        __asm volatile("cpsie i" ::: "memory");
    }
    return ticks;
}
