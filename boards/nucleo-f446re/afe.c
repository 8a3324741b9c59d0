/* The front end of the NUCLEO-F446RE: TIM2 starts a scan of ADC1 over the channels, DMA2 stream 0
 * brings each scan into one of two buffers in turn, and its interrupt hands it over. Counts are
 * those of the 12-bit converter, less half its range. */
#include "afe.h"

#include "../cortex-m/cycles.h"
#include "../cortex-m/nvic.h"
#include "build_config.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define RCC_AHB1_ENABLE REGISTER(0x40023830u)
#define RCC_APB1_ENABLE REGISTER(0x40023840u)
#define RCC_APB2_ENABLE REGISTER(0x40023844u)
#define AHB1_GPIOA_B_C_DMA2 ((7u << 0) | (1u << 22))
#define APB1_TIM2 (1u << 0)
#define APB2_ADC1 (1u << 8)
#define GPIO_MODE(port) REGISTER(0x40020000u + 0x400u * (port))
#define MODE_ANALOG 3u

#define TIM2_CONTROL_1 REGISTER(0x40000000u)
#define TIM2_CONTROL_2 REGISTER(0x40000004u)
#define TIM2_EVENT REGISTER(0x40000014u)
#define TIM2_COUNT REGISTER(0x40000024u)
#define TIM2_PRESCALER REGISTER(0x40000028u)
#define TIM2_RELOAD REGISTER(0x4000002Cu)
#define TIMER_ENABLE (1u << 0)
#define TIMER_UPDATE (1u << 0)
#define TRIGGER_ON_UPDATE (2u << 4)
#define CORE_TICKS_PER_TIMER_TICK 2u /* TIM2 counts at twice APB1: 90 MHz */

#define ADC_CONTROL_1 REGISTER(0x40012004u)
#define ADC_CONTROL_2 REGISTER(0x40012008u)
#define ADC_SAMPLE_TIME_1 REGISTER(0x4001200Cu)
#define ADC_SAMPLE_TIME_2 REGISTER(0x40012010u)
#define ADC_SEQUENCE_1 REGISTER(0x4001202Cu)
#define ADC_SEQUENCE_2 REGISTER(0x40012030u)
#define ADC_SEQUENCE_3 REGISTER(0x40012034u)
#define ADC_DATA 0x4001204Cu
#define ADC_COMMON REGISTER(0x40012304u)
#define ADC_CLOCK_BY_4 (1u << 16) /* 90 / 4 = 22.5 MHz */
#define ADC_SCAN (1u << 8)
#define ADC_ON (1u << 0)
#define ADC_DMA_CIRCULAR ((1u << 8) | (1u << 9))
#define ADC_RISING_TIM2 ((1u << 28) | (6u << 24))
#define SAMPLE_84_CYCLES 0x24924924u /* 4 in each field of three bits */
#define MID_SCALE 2048

#define DMA_FLAGS_CLEAR REGISTER(0x40026408u)
#define DMA_CONTROL REGISTER(0x40026410u)
#define DMA_COUNT REGISTER(0x40026414u)
#define DMA_PERIPHERAL REGISTER(0x40026418u)
#define DMA_MEMORY_0 REGISTER(0x4002641Cu)
#define DMA_MEMORY_1 REGISTER(0x40026420u)
#define DMA_STREAM_0_FLAGS 0x3Du
#define DMA_ENABLE (1u << 0)
#define DMA_SECOND_IS_FILLING (1u << 19)
/* Channel 0, two buffers in turn, high priority, 16 bits to 16 bits, interrupt when one is full. */
#define DMA_SETTINGS                                                                               \
    ((1u << 18) | (2u << 16) | (1u << 13) | (1u << 11) | (1u << 10) | (1u << 8) | (1u << 4))

enum { PORT_A, PORT_B, PORT_C };

/* A0 to A5, then pins of the Morpho connectors; PA2 and PA3 are the UART's, PA5 has the LED. */
static const struct {
    uint8_t port, pin, input;
} inputs[BOARD_AFE_CHANNELS] = {
    {PORT_A, 0, 0},  {PORT_A, 1, 1},  {PORT_A, 4, 4},  {PORT_B, 0, 8}, {PORT_C, 1, 11},
    {PORT_C, 0, 10}, {PORT_A, 6, 6},  {PORT_A, 7, 7},  {PORT_B, 1, 9}, {PORT_C, 2, 12},
    {PORT_C, 3, 13}, {PORT_C, 4, 14}, {PORT_C, 5, 15},
};

static volatile uint16_t buffers[2][BOARD_AFE_CHANNELS];
static uint32_t used;

void afe_handler(void);

void afe_handler(void) {
    const uint32_t late = TIM2_COUNT * CORE_TICKS_PER_TIMER_TICK;
    const bool first_is_full = (DMA_CONTROL & DMA_SECOND_IS_FILLING) != 0u;
    const volatile uint16_t *const full = buffers[first_is_full ? 0 : 1];
    int16_t counts[BOARD_AFE_CHANNELS];
    DMA_FLAGS_CLEAR = DMA_STREAM_0_FLAGS;
    for (uint32_t c = 0; c < used; c++) {
        counts[c] = (int16_t)((int32_t)full[c] - MID_SCALE);
    }
    firmware_sample(counts, late);
}

static void choose_inputs(uint32_t channels) {
    uint32_t sequence[3] = {0, 0, 0}; /* six places of five bits in each */
    for (uint32_t c = 0; c < channels; c++) {
        GPIO_MODE(inputs[c].port) |= MODE_ANALOG << (2u * inputs[c].pin);
        sequence[c / 6u] |= (uint32_t)inputs[c].input << (5u * (c % 6u));
    }
    ADC_SEQUENCE_3 = sequence[0];
    ADC_SEQUENCE_2 = sequence[1];
    ADC_SEQUENCE_1 = sequence[2] | ((channels - 1u) << 20);
}

static void start_dma(uint32_t channels) {
    DMA_FLAGS_CLEAR = DMA_STREAM_0_FLAGS;
    DMA_PERIPHERAL = ADC_DATA;
    DMA_MEMORY_0 = (uint32_t)buffers[0];
    DMA_MEMORY_1 = (uint32_t)buffers[1];
    DMA_COUNT = channels;
    DMA_CONTROL = DMA_SETTINGS;
    DMA_CONTROL = DMA_SETTINGS | DMA_ENABLE;
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (channels == 0u || channels > BOARD_AFE_CHANNELS ||
        period_ticks % CORE_TICKS_PER_TIMER_TICK != 0u || period_ticks < BOARD_AFE_LEAST_TICKS) {
        return false;
    }
    used = channels;
    cycles_start();
    RCC_AHB1_ENABLE |= AHB1_GPIOA_B_C_DMA2;
    RCC_APB1_ENABLE |= APB1_TIM2;
    RCC_APB2_ENABLE |= APB2_ADC1;
    choose_inputs(channels);
    ADC_COMMON = ADC_CLOCK_BY_4;
    ADC_SAMPLE_TIME_1 = SAMPLE_84_CYCLES;
    ADC_SAMPLE_TIME_2 = SAMPLE_84_CYCLES;
    ADC_CONTROL_1 = ADC_SCAN;
    start_dma(channels);
    nvic_enable(BOARD_AFE_IRQ);
    ADC_CONTROL_2 =
        ADC_ON | ADC_DMA_CIRCULAR | ADC_RISING_TIM2; /* up in 3 us, less than a period */
    TIM2_CONTROL_2 = 0; /* loading the prescaler is an update too, and must trigger nothing */
    TIM2_PRESCALER = 0;
    TIM2_RELOAD = period_ticks / CORE_TICKS_PER_TIMER_TICK - 1u;
    TIM2_EVENT = TIMER_UPDATE;
    TIM2_CONTROL_2 = TRIGGER_ON_UPDATE;
    TIM2_CONTROL_1 = TIMER_ENABLE;
    return true;
}

void afe_stop(void) {
    TIM2_CONTROL_1 = 0;
    ADC_CONTROL_2 = 0;
    nvic_disable(BOARD_AFE_IRQ);
    DMA_CONTROL = 0;
    while ((DMA_CONTROL & DMA_ENABLE) != 0u) {
    }
}
