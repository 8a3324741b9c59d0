/* Registers of TIMER0 of the nRF51, 32 bits at 16 MHz. */
#ifndef MYOFIN_NRF_TIMER_H
#define MYOFIN_NRF_TIMER_H

#include "build_config.h"

#include <stdint.h>

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_TIMER_BASE + (offset)))
#define START REGISTER(0x000u)
#define STOP REGISTER(0x004u)
#define CLEAR REGISTER(0x00Cu)
#define CAPTURE(number) REGISTER(0x040u + 4u * (number))
#define EVENT(number) REGISTER(0x140u + 4u * (number))
#define INTERRUPT_SET REGISTER(0x304u)
#define INTERRUPT_CLEAR REGISTER(0x308u)
#define BIT_MODE REGISTER(0x508u)
#define PRESCALER REGISTER(0x510u)
#define VALUE(number) REGISTER(0x540u + 4u * (number)) /* captured, or compared with */

#define BITS_32 3u
#define INTERRUPT(number) (1u << (16u + (number)))

#endif
