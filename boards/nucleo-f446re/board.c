/* Clocks and pins of the NUCLEO-F446RE: 180 MHz core, 45 MHz for USART2 on PA2 and PA3. */
#include "../cortex-m/board.h"

#include "build_config.h"

#include <stdbool.h>
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define RCC_CONTROL REGISTER(0x40023800u)
#define RCC_PLL REGISTER(0x40023804u)
#define RCC_CONFIG REGISTER(0x40023808u)
#define RCC_AHB1_ENABLE REGISTER(0x40023830u)
#define RCC_APB1_ENABLE REGISTER(0x40023840u)
#define PWR_CONTROL REGISTER(0x40007000u)
#define PWR_STATUS REGISTER(0x40007004u)
#define FLASH_ACCESS REGISTER(0x40023C00u)
#define GPIOA_MODE REGISTER(0x40020000u)
#define GPIOA_PULL REGISTER(0x4002000Cu)
#define GPIOA_FUNCTION_LOW REGISTER(0x40020020u)

#define HSE_ON (1u << 16)
#define HSE_READY (1u << 17)
#define HSE_BYPASS (1u << 18)
#define PLL_ON (1u << 24)
#define PLL_READY (1u << 25)
#define PLL_FROM_HSE (1u << 22)
/* 2 MHz in, x 180 = 360 MHz, / 2 = 180 MHz; Q and R feed nothing here. */
#define PLL_180_MHZ ((180u << 6) | (8u << 24) | (2u << 28))
#define HSE_TO_2_MHZ 4u /* the ST-LINK hands on 8 MHz */
#define HSI_TO_2_MHZ 8u /* the chip's own oscillator has 16 MHz, within 1 % */
#define HSE_WAIT 100000u

#define SCALE_1 (3u << 14)
#define OVERDRIVE_ON (1u << 16)
#define OVERDRIVE_SWITCH (1u << 17)
#define OVERDRIVE_READY (1u << 16)
#define OVERDRIVE_SWITCHED (1u << 17)
/* 5 wait states at 180 MHz and 3.3 V, prefetch, both caches. */
#define FLASH_180_MHZ (5u | (1u << 8) | (1u << 9) | (1u << 10))
#define APB1_BY_4 (5u << 10)
#define APB2_BY_2 (4u << 13)
#define SYSTEM_FROM_PLL 2u
#define SYSTEM_IS_PLL (2u << 2)

#define APB1_USART2 (1u << 17)
#define APB1_PWR (1u << 28)
#define AHB1_GPIOA (1u << 0)

static void wait_for(const volatile uint32_t *status, uint32_t bits) {
    while ((*status & bits) != bits) {
    }
}

/* Whether the ST-LINK's clock is there; without it (ST-LINK cut off) the chip's own will do. */
static bool start_hse(void) {
    RCC_CONTROL |= HSE_BYPASS | HSE_ON;
    for (uint32_t tries = 0; tries < HSE_WAIT; tries++) {
        if ((RCC_CONTROL & HSE_READY) != 0u) {
            return true;
        }
    }
    return false;
}

static void set_clocks(void) {
    RCC_APB1_ENABLE |= APB1_PWR;
    PWR_CONTROL |= SCALE_1;
    RCC_PLL = PLL_180_MHZ | (start_hse() ? PLL_FROM_HSE | HSE_TO_2_MHZ : HSI_TO_2_MHZ);
    RCC_CONTROL |= PLL_ON;
    PWR_CONTROL |= OVERDRIVE_ON;
    wait_for(&PWR_STATUS, OVERDRIVE_READY);
    PWR_CONTROL |= OVERDRIVE_SWITCH;
    wait_for(&PWR_STATUS, OVERDRIVE_SWITCHED);
    wait_for(&RCC_CONTROL, PLL_READY);
    FLASH_ACCESS = FLASH_180_MHZ;
    RCC_CONFIG = APB1_BY_4 | APB2_BY_2;
    RCC_CONFIG |= SYSTEM_FROM_PLL;
    wait_for(&RCC_CONFIG, SYSTEM_IS_PLL);
}

void board_init(void) {
    set_clocks();
    RCC_AHB1_ENABLE |= AHB1_GPIOA;
    RCC_APB1_ENABLE |= APB1_USART2;
    GPIOA_FUNCTION_LOW = (GPIOA_FUNCTION_LOW & ~0x0000FF00u) | 0x00007700u; /* AF7 on PA2, PA3 */
    GPIOA_PULL |= 1u << 6; /* PA3 rests high when nothing is plugged in */
    GPIOA_MODE = (GPIOA_MODE & ~0x000000F0u) | 0x000000A0u;
}
