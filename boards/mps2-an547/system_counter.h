/* Registers of the system counter of SSE-300. */
#ifndef MYOFIN_SYSTEM_COUNTER_H
#define MYOFIN_SYSTEM_COUNTER_H

#include "build_config.h"

#include <stdint.h>

typedef struct {
    volatile uint32_t control;
    volatile uint32_t status;
    volatile uint32_t value_low; /* written only while it stands still */
    volatile uint32_t value_high;
} system_counter_t;

#define COUNTER ((system_counter_t *)BOARD_COUNTER_BASE)
#define COUNTER_ENABLE (1u << 0)

#endif
