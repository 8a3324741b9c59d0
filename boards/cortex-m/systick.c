/* The stopwatch of port.h on SysTick, for cores without a cycle counter: 24 bits at the core's
 * clock, carried on by its interrupt, which costs some 30 cycles every 2^24. */
#include "board.h"
#include "build_config.h"
#include "port.h"

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u) /* counts down */
#define CONTROL_ON 0x7u                                   /* core clock, interrupt, enable */
#define PERIOD 0x1000000u

static volatile uint32_t wraps;

void systick_handler(void) {
    wraps++;
}

void port_stopwatch_start(void) {
    SYSTICK_CONTROL = 0;
    SYSTICK_RELOAD = PERIOD - 1u;
    wraps = 0;
    SYSTICK_VALUE = 0; /* any write clears it; the first tick loads the reload value */
    SYSTICK_CONTROL = CONTROL_ON;
}

/* A wrap is counted when the value reaches 0, one tick before it reloads: there the masked
 * difference is 0 and the wrap stands for all of it. */
uint32_t port_stopwatch_stop(void) {
    SYSTICK_CONTROL = 0;
    __asm volatile("dsb\n isb" ::: "memory"); /* a pending wrap is counted now */
    return wraps * PERIOD + ((PERIOD - SYSTICK_VALUE) & (PERIOD - 1u)) - 1u;
}
