/* TIM2 of the STM32F4, 32 bits. QEMU clocks it at 1 GHz, and an instruction takes 64 ns: two ticks
 * at this prescaler. */
#ifndef MYOFIN_STM32F4_TIMER_H
#define MYOFIN_STM32F4_TIMER_H

#include "build_config.h"

#include <stdint.h>

typedef struct {
    volatile uint32_t control;
    uint32_t reserved[4];
    volatile uint32_t event;
    uint32_t capture[3];
    volatile uint32_t count;
    volatile uint32_t prescaler;
} tim_t;

#define TIMER ((tim_t *)BOARD_TIMER_BASE)
#define TIMER_ENABLE (1u << 0)
#define TIMER_UPDATE (1u << 0)
#define TIMER_PRESCALER 32u

/* Count from zero. */
static inline void start_counting(void) {
    TIMER->prescaler = TIMER_PRESCALER - 1u;
    TIMER->event = TIMER_UPDATE; /* loads the prescaler */
    TIMER->control = TIMER_ENABLE;
    TIMER->count = 0;
}

#endif
