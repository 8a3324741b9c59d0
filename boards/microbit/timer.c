/* The stopwatch of port.h on TIMER0 of the nRF51, 32 bits at 16 MHz. */
#include "build_config.h"
#include "port.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_TIMER_BASE + (offset)))
#define START REGISTER(0x000u)
#define STOP REGISTER(0x004u)
#define CLEAR REGISTER(0x00Cu)
#define CAPTURE_0 REGISTER(0x040u)
#define BIT_MODE REGISTER(0x508u)
#define PRESCALER REGISTER(0x510u)
#define CAPTURED_0 REGISTER(0x540u)

#define BITS_32 3u

void port_stopwatch_start(void) {
    BIT_MODE = BITS_32;
    PRESCALER = 0;
    CLEAR = 1;
    START = 1;
}

uint32_t port_stopwatch_stop(void) {
    CAPTURE_0 = 1;
    STOP = 1;
    return CAPTURED_0;
}
