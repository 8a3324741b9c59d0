/* The emulated front end on the STM32F405: TIM2 runs freely as the clock, SysTick interrupts at the
 * sample rate. (QEMU's TIM2 to TIM5 interrupt once, and then ever later.) */
#include "afe.h"

#include "../cortex-m/board.h"
#include "../emulated/recording.h"
#include "timer.h"

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u) /* counts down */
#define SYSTICK_ON 0x7u                                   /* core clock, interrupt, enable */
#define SYSTICK_MOST 0x1000000u
#define INTERRUPT_STATE (*(volatile uint32_t *)0xE000ED04u)
#define SYSTICK_WITHDRAW (1u << 25)

/* Core clock to the counter's: 168 MHz to 31.25 MHz. */
#define CORE_PARTS 672u
#define COUNTER_PARTS 125u

static volatile bool holding;
static uint32_t held_at;

void systick_handler(void) {
    const uint32_t late = SYSTICK_RELOAD - SYSTICK_VALUE;
    firmware_sample(recording_next(), late * COUNTER_PARTS / CORE_PARTS);
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    const uint64_t scaled = (uint64_t)period_ticks * CORE_PARTS;
    const uint64_t cycles = scaled / COUNTER_PARTS;
    if (scaled % COUNTER_PARTS != 0u || cycles < 2u || cycles > SYSTICK_MOST ||
        !recording_open(channels)) {
        return false;
    }
    start_counting();
    holding = false;
    SYSTICK_RELOAD = (uint32_t)cycles - 1u;
    SYSTICK_VALUE = 0; /* any write clears it; the next tick loads the reload value */
    SYSTICK_CONTROL = SYSTICK_ON;
    return true;
}

void afe_stop(void) {
    SYSTICK_CONTROL = 0;
    INTERRUPT_STATE = SYSTICK_WITHDRAW;
}

/* QEMU's TIM2 cannot stand still, so its value is put back. */
bool afe_hold(bool held) {
    if (held && !holding) {
        SYSTICK_CONTROL = 0;
        held_at = TIMER->count;
    } else if (!held && holding) {
        TIMER->count = held_at;
        SYSTICK_CONTROL = SYSTICK_ON;
    }
    holding = held;
    return true;
}

uint32_t afe_clock(void) {
    return holding ? held_at : TIMER->count;
}
