/* Clock and pins of the Arduino Nano 33 BLE, and the order that its bootloader left behind. */
#include "../cortex-m/board.h"

#include "build_config.h"

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CLOCK_START_CRYSTAL REGISTER(0x40000000u)
#define CLOCK_CRYSTAL_STARTED REGISTER(0x40000100u)
#define CACHE_CONFIG REGISTER(0x4001E540u)
#define CACHE_ENABLE 1u
#define PORT_1 0x50000300u
#define PORT_1_OUT_SET REGISTER(PORT_1 + 0x508u)
#define PORT_1_PIN_CONFIG(pin) REGISTER(PORT_1 + 0x700u + 4u * (pin))
#define PIN_OUTPUT 3u      /* driven, input buffer off */
#define PIN_INPUT_UP 0x0Cu /* pulled up, input buffer on */
#define PIN_OF_PORT(number) ((number) - 32u)

#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define NVIC_DISABLE ((volatile uint32_t *)0xE000E180u)
#define NVIC_WITHDRAW ((volatile uint32_t *)0xE000E280u)
#define INTERRUPT_WORDS 2u /* 48 interrupts */

/* Its USB and timer interrupts would find no handler here. */
static void quiet_the_bootloader(void) {
    SYSTICK_CONTROL = 0;
    for (uint32_t word = 0; word < INTERRUPT_WORDS; word++) {
        NVIC_DISABLE[word] = 0xFFFFFFFFu;
        NVIC_WITHDRAW[word] = 0xFFFFFFFFu;
    }
    __asm volatile("cpsie i" ::: "memory");
}

void board_init(void) {
    quiet_the_bootloader();
    CACHE_CONFIG = CACHE_ENABLE; /* flash has wait states at 64 MHz */
    CLOCK_CRYSTAL_STARTED = 0;
    CLOCK_START_CRYSTAL = 1; /* the built-in oscillator is off by up to 8 %, too much for a UART */
    while (CLOCK_CRYSTAL_STARTED == 0u) {
    }
    const uint32_t out = PIN_OF_PORT(BOARD_UART_TX_PIN);
    PORT_1_OUT_SET = 1u << out;
    PORT_1_PIN_CONFIG(out) = PIN_OUTPUT;
    PORT_1_PIN_CONFIG(PIN_OF_PORT(BOARD_UART_RX_PIN)) = PIN_INPUT_UP;
}
