/* Interrupts of a Cortex-M, by number. */
#ifndef MYOFIN_NVIC_H
#define MYOFIN_NVIC_H

#include <stdint.h>

#define NVIC_ENABLE ((volatile uint32_t *)0xE000E100u)
#define NVIC_DISABLE ((volatile uint32_t *)0xE000E180u)
#define NVIC_CLEAR_PENDING ((volatile uint32_t *)0xE000E280u)

static inline void nvic_enable(uint32_t number) {
    NVIC_ENABLE[number / 32u] = 1u << (number % 32u);
}

/* The handler does not run after the return, and a request that was pending is forgotten. */
static inline void nvic_disable(uint32_t number) {
    NVIC_DISABLE[number / 32u] = 1u << (number % 32u);
    __asm volatile("dsb\n isb" ::: "memory");
    NVIC_CLEAR_PENDING[number / 32u] = 1u << (number % 32u);
}

#endif
