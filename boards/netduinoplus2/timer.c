/* The stopwatch of port.h on TIM2 of the STM32F4. */
#include "timer.h"

#include "port.h"

void port_stopwatch_start(void) {
    start_counting();
}

uint32_t port_stopwatch_stop(void) {
    return TIMER->count;
}
