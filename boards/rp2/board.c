/* Clocks and pins of the RP2040 and RP2350: crystal, system PLL, UART0 on GP0 and GP1. */
#include "../cortex-m/board.h"

#include "blocks.h"
#include "build_config.h"

#define RESETS_DONE REGISTER(BOARD_RESETS_BASE + 0x08u)
#define CLOCK_REF_CONTROL REGISTER(BOARD_CLOCKS_BASE + 0x30u)
#define CLOCK_REF_SELECTED REGISTER(BOARD_CLOCKS_BASE + 0x38u)
#define CLOCK_SYS_CONTROL REGISTER(BOARD_CLOCKS_BASE + 0x3Cu)
#define CLOCK_SYS_SELECTED REGISTER(BOARD_CLOCKS_BASE + 0x44u)
#define CLOCK_PERI_CONTROL REGISTER(BOARD_CLOCKS_BASE + 0x48u)
#define CRYSTAL_CONTROL REGISTER(BOARD_XOSC_BASE + 0x00u)
#define CRYSTAL_STATUS REGISTER(BOARD_XOSC_BASE + 0x04u)
#define CRYSTAL_STARTUP REGISTER(BOARD_XOSC_BASE + 0x0Cu)
#define PLL_STATUS(base) REGISTER((base) + 0x00u)
#define PLL_POWER(base) ((base) + 0x04u)
#define PLL_FEEDBACK(base) REGISTER((base) + 0x08u)
#define PLL_POST_DIVIDERS(base) REGISTER((base) + 0x0Cu)

#define CRYSTAL_12_MHZ_ON ((0xFABu << 12) | 0xAA0u)
#define CRYSTAL_1_MS 47u /* of 256 cycles */
#define READY (1u << 31) /* stable, or locked */
#define FROM_REF 0u
#define FROM_CRYSTAL 2u
#define FROM_PLL 1u
#define SELECTED(source) (1u << (source))
#define POWER_MAIN_AND_VCO ((1u << 0) | (1u << 5))
#define POWER_POST_DIVIDERS (1u << 3)
#define FUNCTION_UART 2u
#define PAD_OUTPUT 0x56u   /* as after reset on the RP2040: 4 mA, Schmitt trigger, input on */
#define PAD_INPUT_UP 0x5Au /* pulled up: the line rests high when nothing is plugged in */
#define UART_TX_PIN 0u
#define UART_RX_PIN 1u

void leave_reset(uint32_t blocks) {
    CLEAR_BITS(BOARD_RESETS_BASE) = blocks;
    while ((RESETS_DONE & blocks) != blocks) {
    }
}

void start_pll(uint32_t base, uint32_t reset_bit, uint32_t feedback, uint32_t divider_1,
               uint32_t divider_2) {
    SET_BITS(BOARD_RESETS_BASE) = 1u << reset_bit;
    leave_reset(1u << reset_bit);
    PLL_STATUS(base) = 1; /* reference divider: 12 MHz go in */
    PLL_FEEDBACK(base) = feedback;
    CLEAR_BITS(PLL_POWER(base)) = POWER_MAIN_AND_VCO;
    while ((PLL_STATUS(base) & READY) == 0u) {
    }
    PLL_POST_DIVIDERS(base) = (divider_1 << 16) | (divider_2 << 12);
    CLEAR_BITS(PLL_POWER(base)) = POWER_POST_DIVIDERS;
}

static void set_clocks(void) {
    /* Nothing may run from a PLL while it is set; a boot ROM may have left it that way. */
    CLOCK_SYS_CONTROL = FROM_REF;
    while (CLOCK_SYS_SELECTED != SELECTED(FROM_REF)) {
    }
    CRYSTAL_STARTUP = CRYSTAL_1_MS;
    CRYSTAL_CONTROL = CRYSTAL_12_MHZ_ON;
    while ((CRYSTAL_STATUS & READY) == 0u) {
    }
    CLOCK_REF_CONTROL = FROM_CRYSTAL;
    while (CLOCK_REF_SELECTED != SELECTED(FROM_CRYSTAL)) {
    }
    start_pll(BOARD_PLL_SYS_BASE, BOARD_RESET_PLL_SYS_BIT, BOARD_PLL_FEEDBACK, BOARD_PLL_DIVIDER_1,
              BOARD_PLL_DIVIDER_2);
    CLOCK_SYS_CONTROL = FROM_PLL; /* its auxiliary source 0 is this PLL */
    while (CLOCK_SYS_SELECTED != SELECTED(FROM_PLL)) {
    }
    CLOCK_PERI_CONTROL = CLOCK_ENABLE; /* source 0: the system clock */
}

void board_init(void) {
    set_clocks();
    leave_reset((1u << BOARD_RESET_IO_BIT) | (1u << BOARD_RESET_PADS_BIT) |
                (1u << BOARD_RESET_UART_BIT));
    PIN_FUNCTION(UART_TX_PIN) = FUNCTION_UART;
    PIN_FUNCTION(UART_RX_PIN) = FUNCTION_UART;
    PAD(UART_TX_PIN) = PAD_OUTPUT; /* also ends the RP2350's isolation of the pad */
    PAD(UART_RX_PIN) = PAD_INPUT_UP;
}
