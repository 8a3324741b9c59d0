/* The stopwatch of port.h on a CMSDK timer. */
#include "timer.h"

#include "build_config.h"
#include "port.h"

#define TIMER ((timer_registers_t *)BOARD_TIMER_BASE)
#define TIMER_START 0xFFFFFFFFu

/* Running only while it measures: a running timer would give the emulator a deadline to skip to at
 * each WFI, and its phase against the instructions would depend on when bytes came in. */
void port_stopwatch_start(void) {
    TIMER->reload = TIMER_START;
    TIMER->value = TIMER_START;
    TIMER->control = TIMER_ENABLE;
}

uint32_t port_stopwatch_stop(void) {
    const uint32_t value = TIMER->value;
    TIMER->control = 0;
    return TIMER_START - value;
}
