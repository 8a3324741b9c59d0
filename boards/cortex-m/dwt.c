/* The stopwatch of port.h on the cycle counter that Armv7-M and Armv8-M Mainline cores have. */
#include "build_config.h"
#include "port.h"

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DEMCR_TRACE_ENABLE (1u << 24)
#define DWT_CONTROL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CONTROL_COUNT (1u << 0)
#define DWT_CYCLES (*(volatile uint32_t *)0xE0001004u)

/* Turned on each time: a debugger that detaches may have turned it off. */
void port_stopwatch_start(void) {
    DEMCR |= DEMCR_TRACE_ENABLE;
    DWT_CONTROL |= DWT_CONTROL_COUNT;
    DWT_CYCLES = 0;
}

uint32_t port_stopwatch_stop(void) {
    return DWT_CYCLES;
}
