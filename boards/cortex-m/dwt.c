/* The cycle counter of Armv7-M and Armv8-M Mainline cores. */
#include "cycles.h"

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DEMCR_TRACE_ENABLE (1u << 24)
#define DWT_CONTROL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CONTROL_COUNT (1u << 0)
#define DWT_CYCLES (*(volatile uint32_t *)0xE0001004u)

/* Asked for each time: a debugger that detaches may have turned it off. */
void cycles_start(void) {
    DEMCR |= DEMCR_TRACE_ENABLE;
    DWT_CONTROL |= DWT_CONTROL_COUNT;
}

uint32_t cycles_now(void) {
    return DWT_CYCLES;
}
