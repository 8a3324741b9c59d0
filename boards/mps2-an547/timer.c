/* The stopwatch of port.h on the system counter of SSE-300, which has no CMSDK timer on its clock.
 */
#include "port.h"
#include "system_counter.h"

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
