/* The emulated front end on the system counter of SSE-300 and its timer 1, which interrupts while
 * the counter is at a value or beyond; that value moves on by a period each time. */
#include "afe.h"

#include "../cortex-m/nvic.h"
#include "../emulated/recording.h"
#include "build_config.h"
#include "system_counter.h"

typedef struct {
    uint32_t unused[8];
    volatile uint32_t compare_low;
    volatile uint32_t compare_high;
    volatile uint32_t value;
    volatile uint32_t control;
} system_timer_t;

#define TIMER ((system_timer_t *)BOARD_AFE_TIMER_BASE)
#define TIMER_ENABLE (1u << 0)
/* Four ticks of 31.25 ns are whole nanoseconds. QEMU's timer does not come to a time that is not:
 * it rounds it down, finds the counter not there yet, and sets itself again, for ever. */
#define STEP_TICKS 4u

void afe_handler(void);

static struct {
    uint64_t due;
    uint32_t period;
} sampler;

/* The upper half first: so the value is never one that the counter has passed. */
static void set_compare(void) {
    TIMER->compare_high = (uint32_t)(sampler.due >> 32);
    TIMER->compare_low = (uint32_t)sampler.due;
}

void afe_handler(void) {
    const uint32_t late = COUNTER->value_low - (uint32_t)sampler.due;
    sampler.due += sampler.period;
    set_compare();
    firmware_sample(recording_next(), late);
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (period_ticks == 0u || period_ticks % STEP_TICKS != 0u || !recording_open(channels)) {
        return false;
    }
    COUNTER->control = 0;
    COUNTER->value_low = 0;
    COUNTER->value_high = 0;
    sampler.period = period_ticks;
    sampler.due = period_ticks;
    set_compare();
    TIMER->control = TIMER_ENABLE;
    nvic_enable(BOARD_AFE_IRQ);
    return afe_hold(false);
}

void afe_stop(void) {
    TIMER->control = 0;
    COUNTER->control = 0;
    nvic_disable(BOARD_AFE_IRQ);
}

/* The timer compares with the counter, so it stands still with it. QEMU's looks at a counter that
 * starts again only when it is told the value once more. */
bool afe_hold(bool held) {
    if (held) {
        COUNTER->control = 0;
        COUNTER->value_low -= COUNTER->value_low % STEP_TICKS;
    } else {
        COUNTER->control = COUNTER_ENABLE;
        set_compare();
    }
    return true;
}

uint32_t afe_clock(void) {
    return COUNTER->value_low;
}
