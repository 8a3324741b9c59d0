/* The emulated front end on the system counter of SSE-300 and its timer 1, which interrupts each
 * time the counter has come further by its reload value. */
#include "afe.h"

#include "../cortex-m/nvic.h"
#include "../emulated/recording.h"
#include "build_config.h"
#include "system_counter.h"

typedef struct {
    volatile uint32_t count_low;
    volatile uint32_t count_high;
    uint32_t unused_0[2];
    volatile uint32_t frequency;
    uint32_t unused_1[3];
    volatile uint32_t compare_low;
    volatile uint32_t compare_high;
    volatile uint32_t timer_value;
    volatile uint32_t control;
    uint32_t unused_2[4];
    volatile uint32_t next_low; /* when it interrupts */
    volatile uint32_t next_high;
    volatile uint32_t reload;
    volatile uint32_t auto_increment;
} system_timer_t;

#define TIMER ((system_timer_t *)BOARD_AFE_TIMER_BASE)
#define TIMER_ENABLE (1u << 0)
#define AUTO_INCREMENT_ENABLE                                                                      \
    (1u << 0) /* its other bit is the request, and a written 0 clears it */

void afe_handler(void);

/* When the timer interrupts, the time of its next interrupt has moved on by a period. */
void afe_handler(void) {
    const uint32_t late = TIMER->count_low - (TIMER->next_low - TIMER->reload);
    TIMER->auto_increment = AUTO_INCREMENT_ENABLE;
    firmware_sample(recording_next(), late);
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (period_ticks < 2u || !recording_open(channels)) {
        return false;
    }
    COUNTER->control = 0;
    COUNTER->value_low = 0;
    COUNTER->value_high = 0;
    TIMER->reload = period_ticks;
    TIMER->auto_increment = AUTO_INCREMENT_ENABLE;
    TIMER->control = TIMER_ENABLE;
    nvic_enable(BOARD_AFE_IRQ);
    return afe_hold(false);
}

void afe_stop(void) {
    TIMER->control = 0;
    TIMER->auto_increment = 0;
    COUNTER->control = 0;
    nvic_disable(BOARD_AFE_IRQ);
}

/* The timer compares with the counter, so it stands still with it. */
bool afe_hold(bool held) {
    COUNTER->control = held ? 0u : COUNTER_ENABLE;
    return true;
}

uint32_t afe_clock(void) {
    return COUNTER->value_low;
}
