/* Registers of a CMSDK timer. */
#ifndef MYOFIN_CMSDK_TIMER_H
#define MYOFIN_CMSDK_TIMER_H

#include <stdint.h>

typedef struct {
    volatile uint32_t control;
    volatile uint32_t value; /* counts down */
    volatile uint32_t reload;
    volatile uint32_t interrupt; /* a written 1 clears */
} timer_registers_t;

#define TIMER_ENABLE (1u << 0)
#define TIMER_INTERRUPT (1u << 3)

#endif
