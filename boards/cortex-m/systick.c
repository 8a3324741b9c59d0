/* A cycle counter for cores without one: SysTick, 24 bits at the core's clock, carried on by its
 * interrupt, which takes some 30 cycles every 2^24. */
#include "board.h"
#include "cycles.h"

#include <stdbool.h>

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u) /* counts down */
#define CONTROL_ENABLE (1u << 0)
#define CONTROL_ON 0x7u /* core clock, interrupt, enable */
#define INTERRUPT_STATE (*(volatile uint32_t *)0xE000ED04u)
#define SYSTICK_PENDING (1u << 26)
#define PERIOD 0x1000000u

static volatile uint32_t wraps;

void systick_handler(void) {
    wraps++;
}

void cycles_start(void) {
    if ((SYSTICK_CONTROL & CONTROL_ENABLE) == 0u) {
        SYSTICK_RELOAD = PERIOD - 1u;
        SYSTICK_VALUE = 0; /* any write clears it; the first tick loads the reload value */
        SYSTICK_CONTROL = CONTROL_ON;
    }
}

/* A wrap is counted when the value reaches 0, one tick before it reloads: there the masked
 * difference is 0 and the wrap stands for all of it. Inside another interrupt, and masked, a wrap
 * may be pending that is not counted yet; the value is then read after it. */
uint32_t cycles_now(void) {
    uint32_t masked;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(masked)::"memory");
    uint32_t counted = wraps;
    uint32_t value = SYSTICK_VALUE;
    if ((INTERRUPT_STATE & SYSTICK_PENDING) != 0u) {
        counted++;
        value = SYSTICK_VALUE;
    }
    __asm volatile("msr primask, %0" ::"r"(masked) : "memory");
    return counted * PERIOD + ((PERIOD - value) & (PERIOD - 1u)) - 1u;
}
