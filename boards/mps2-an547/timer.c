/* The stopwatch of port.h on the system counter of SSE-300, which has no CMSDK timer on its clock.
 */
#include "build_config.h"
#include "port.h"

typedef struct {
    volatile uint32_t control;
    volatile uint32_t status;
    volatile uint32_t value_low; /* written only while it stands still */
    volatile uint32_t value_high;
} system_counter_t;

#define COUNTER ((system_counter_t *)BOARD_COUNTER_BASE)
#define COUNTER_ENABLE (1u << 0)

/* Started anew each time, so that its phase against the instructions is always the same. */
void port_stopwatch_start(void) {
    COUNTER->control = 0;
    COUNTER->value_low = 0;
    COUNTER->value_high = 0;
    COUNTER->control = COUNTER_ENABLE;
}

uint32_t port_stopwatch_stop(void) {
    const uint32_t value = COUNTER->value_low;
    COUNTER->control = 0;
    return value;
}
