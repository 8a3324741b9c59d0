/* The emulated front end on two CMSDK timers: one runs freely as the clock, the other interrupts at
 * the sample rate. Both count at the counter's rate. */
#include "afe.h"

#include "../cortex-m/nvic.h"
#include "../emulated/recording.h"
#include "build_config.h"
#include "timer.h"

#define CLOCK ((timer_registers_t *)BOARD_TIMER_BASE)
#define SAMPLER ((timer_registers_t *)BOARD_AFE_TIMER_BASE)
#define CLOCK_START 0xFFFFFFFFu
#define INTERRUPT 1u

void afe_handler(void);

void afe_handler(void) {
    const uint32_t late = SAMPLER->reload - SAMPLER->value;
    SAMPLER->interrupt = INTERRUPT;
    firmware_sample(recording_next(), late);
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (period_ticks < 2u || !recording_open(channels)) {
        return false;
    }
    CLOCK->reload = CLOCK_START;
    CLOCK->value = CLOCK_START;
    SAMPLER->reload = period_ticks - 1u;
    SAMPLER->value = period_ticks - 1u;
    SAMPLER->interrupt = INTERRUPT;
    nvic_enable(BOARD_AFE_IRQ);
    (void)afe_hold(false);
    return true;
}

void afe_stop(void) {
    SAMPLER->control = 0;
    CLOCK->control = 0;
    nvic_disable(BOARD_AFE_IRQ);
    SAMPLER->interrupt = INTERRUPT;
}

bool afe_hold(bool held) {
    SAMPLER->control = held ? 0u : TIMER_ENABLE | TIMER_INTERRUPT;
    CLOCK->control = held ? 0u : TIMER_ENABLE;
    return true;
}

uint32_t afe_clock(void) {
    return CLOCK_START - CLOCK->value;
}
