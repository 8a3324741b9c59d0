/* Clocks and pins of the RP2040 and RP2350: crystal, system PLL, UART0 on GP0 and GP1. */
#include "../cortex-m/board.h"

#include "build_config.h"

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CLEAR_BITS(address)                                                                        \
    REGISTER((address) + 0x3000u) /* the alias that clears what is written */
#define RESETS BOARD_RESETS_BASE
#define RESETS_DONE REGISTER(BOARD_RESETS_BASE + 0x08u)
#define CLOCK_REF_CONTROL REGISTER(BOARD_CLOCKS_BASE + 0x30u)
#define CLOCK_REF_SELECTED REGISTER(BOARD_CLOCKS_BASE + 0x38u)
#define CLOCK_SYS_CONTROL REGISTER(BOARD_CLOCKS_BASE + 0x3Cu)
#define CLOCK_SYS_SELECTED REGISTER(BOARD_CLOCKS_BASE + 0x44u)
#define CLOCK_PERI_CONTROL REGISTER(BOARD_CLOCKS_BASE + 0x48u)
#define CRYSTAL_CONTROL REGISTER(BOARD_XOSC_BASE + 0x00u)
#define CRYSTAL_STATUS REGISTER(BOARD_XOSC_BASE + 0x04u)
#define CRYSTAL_STARTUP REGISTER(BOARD_XOSC_BASE + 0x0Cu)
#define PLL_STATUS REGISTER(BOARD_PLL_SYS_BASE + 0x00u)
#define PLL_POWER (BOARD_PLL_SYS_BASE + 0x04u)
#define PLL_FEEDBACK REGISTER(BOARD_PLL_SYS_BASE + 0x08u)
#define PLL_POST_DIVIDERS REGISTER(BOARD_PLL_SYS_BASE + 0x0Cu)
#define PIN_FUNCTION(pin) REGISTER(BOARD_IO_BASE + 0x04u + 8u * (pin))
#define PAD(pin) REGISTER(BOARD_PADS_BASE + 0x04u + 4u * (pin))

#define CRYSTAL_12_MHZ_ON ((0xFABu << 12) | 0xAA0u)
#define CRYSTAL_1_MS 47u /* of 256 cycles */
#define STABLE (1u << 31)
#define LOCKED (1u << 31)
#define FROM_REF 0u
#define FROM_CRYSTAL 2u
#define FROM_PLL 1u
#define SELECTED(source) (1u << (source))
#define POWER_MAIN_AND_VCO ((1u << 0) | (1u << 5))
#define POWER_POST_DIVIDERS (1u << 3)
#define POST_DIVIDERS(first, second) (((first) << 16) | ((second) << 12))
#define ENABLE (1u << 11)
#define FUNCTION_UART 2u
#define PAD_OUTPUT 0x56u   /* as after reset on the RP2040: 4 mA, Schmitt trigger, input on */
#define PAD_INPUT_UP 0x5Au /* pulled up: the line rests high when nothing is plugged in */
#define UART_TX_PIN 0u
#define UART_RX_PIN 1u

static void leave_reset(uint32_t blocks) {
    CLEAR_BITS(RESETS) = blocks;
    while ((RESETS_DONE & blocks) != blocks) {
    }
}

static void start_crystal(void) {
    CRYSTAL_STARTUP = CRYSTAL_1_MS;
    CRYSTAL_CONTROL = CRYSTAL_12_MHZ_ON;
    while ((CRYSTAL_STATUS & STABLE) == 0u) {
    }
    CLOCK_REF_CONTROL = FROM_CRYSTAL;
    while (CLOCK_REF_SELECTED != SELECTED(FROM_CRYSTAL)) {
    }
}

static void start_pll(void) {
    /* Nothing may run from it while it is set; a boot ROM may have left it that way. */
    CLOCK_SYS_CONTROL = FROM_REF;
    while (CLOCK_SYS_SELECTED != SELECTED(FROM_REF)) {
    }
    REGISTER(RESETS + 0x2000u) = 1u << BOARD_RESET_PLL_SYS_BIT;
    leave_reset(1u << BOARD_RESET_PLL_SYS_BIT);
    PLL_STATUS = 1; /* reference divider: 12 MHz go in */
    PLL_FEEDBACK = BOARD_PLL_FEEDBACK;
    CLEAR_BITS(PLL_POWER) = POWER_MAIN_AND_VCO;
    while ((PLL_STATUS & LOCKED) == 0u) {
    }
    PLL_POST_DIVIDERS = POST_DIVIDERS(BOARD_PLL_DIVIDER_1, BOARD_PLL_DIVIDER_2);
    CLEAR_BITS(PLL_POWER) = POWER_POST_DIVIDERS;
    CLOCK_SYS_CONTROL = FROM_PLL; /* its auxiliary source 0 is this PLL */
    while (CLOCK_SYS_SELECTED != SELECTED(FROM_PLL)) {
    }
    CLOCK_PERI_CONTROL = ENABLE; /* source 0: the system clock */
}

void board_init(void) {
    start_crystal();
    start_pll();
    leave_reset((1u << BOARD_RESET_IO_BIT) | (1u << BOARD_RESET_PADS_BIT) |
                (1u << BOARD_RESET_UART_BIT));
    PIN_FUNCTION(UART_TX_PIN) = FUNCTION_UART;
    PIN_FUNCTION(UART_RX_PIN) = FUNCTION_UART;
    PAD(UART_TX_PIN) = PAD_OUTPUT; /* also ends the RP2350's isolation of the pad */
    PAD(UART_RX_PIN) = PAD_INPUT_UP;
}
