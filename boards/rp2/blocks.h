/* Blocks of the RP2040 and RP2350 that more than one part of the port starts. */
#ifndef MYOFIN_RP2_BLOCKS_H
#define MYOFIN_RP2_BLOCKS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SET_BITS(address) REGISTER((address) + 0x2000u)   /* aliases that set or clear what is */
#define CLEAR_BITS(address) REGISTER((address) + 0x3000u) /* written */
#define PIN_FUNCTION(pin) REGISTER(BOARD_IO_BASE + 0x04u + 8u * (pin))
#define PAD(pin) REGISTER(BOARD_PADS_BASE + 0x04u + 4u * (pin))
#define CLOCK_ENABLE (1u << 11)

/* Take blocks out of reset, by their bits, and wait until they are. */
void leave_reset(uint32_t blocks);

/* Start a PLL anew on the 12 MHz crystal: times `feedback`, then by both dividers. Nothing may run
 * from it. */
void start_pll(uint32_t base, uint32_t reset_bit, uint32_t feedback, uint32_t divider_1,
               uint32_t divider_2);

#endif
