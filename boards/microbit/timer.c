/* The stopwatch of port.h on TIMER0 of the nRF51. */
#include "timer.h"

#include "port.h"

void port_stopwatch_start(void) {
    BIT_MODE = BITS_32;
    PRESCALER = 0;
    CLEAR = 1;
    START = 1;
}

uint32_t port_stopwatch_stop(void) {
    CAPTURE(0u) = 1;
    STOP = 1;
    return VALUE(0u);
}
