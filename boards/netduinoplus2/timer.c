/* The stopwatch of port.h on TIM2 of the STM32F4, 32 bits. */
#include "build_config.h"
#include "port.h"

typedef struct {
    volatile uint32_t control;
    uint32_t reserved[4];
    volatile uint32_t event;
    uint32_t capture[3];
    volatile uint32_t count;
    volatile uint32_t prescaler;
} timer_t;

#define TIMER ((timer_t *)BOARD_TIMER_BASE)
#define TIMER_ENABLE (1u << 0)
#define TIMER_UPDATE (1u << 0)
#define PRESCALER 64u /* the emulated timer counts ns, and an instruction takes 64 of them */

void port_stopwatch_start(void) {
    TIMER->prescaler = PRESCALER - 1u;
    TIMER->event = TIMER_UPDATE; /* loads the prescaler */
    TIMER->control = TIMER_ENABLE;
    TIMER->count = 0;
}

uint32_t port_stopwatch_stop(void) {
    return TIMER->count;
}
