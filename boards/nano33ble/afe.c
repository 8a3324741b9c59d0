/* The front end of the Nano 33 BLE: TIMER1 triggers a scan of the SAADC over the channels through
 * PPI, EasyDMA brings each scan into one of two buffers in turn, and the converter's interrupt
 * hands it over. Counts are those of the 12-bit converter over 0 V to the supply, less half of it.
 */
#include "afe.h"

#include "../cortex-m/cycles.h"
#include "../cortex-m/nvic.h"
#include "build_config.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define TIMER_BASE 0x40009000u
#define TIMER_START REGISTER(TIMER_BASE + 0x000u)
#define TIMER_STOP REGISTER(TIMER_BASE + 0x004u)
#define TIMER_CLEAR REGISTER(TIMER_BASE + 0x00Cu)
#define TIMER_CAPTURE_1 REGISTER(TIMER_BASE + 0x044u)
#define TIMER_COMPARED_0 (TIMER_BASE + 0x140u)
#define TIMER_SHORTS REGISTER(TIMER_BASE + 0x200u)
#define TIMER_MODE REGISTER(TIMER_BASE + 0x504u)
#define TIMER_BITS REGISTER(TIMER_BASE + 0x508u)
#define TIMER_PRESCALER REGISTER(TIMER_BASE + 0x510u)
#define TIMER_VALUE_0 REGISTER(TIMER_BASE + 0x540u)
#define TIMER_VALUE_1 REGISTER(TIMER_BASE + 0x544u)
#define COMPARE_0_CLEARS (1u << 0)
#define BITS_32 3u
#define CORE_TICKS_PER_TIMER_TICK 4u /* 16 MHz */

#define ADC_BASE 0x40007000u
#define ADC_START (ADC_BASE + 0x000u)
#define ADC_SAMPLE (ADC_BASE + 0x004u)
#define ADC_STOP REGISTER(ADC_BASE + 0x008u)
#define ADC_STARTED REGISTER(ADC_BASE + 0x100u)
#define ADC_END (ADC_BASE + 0x104u)
#define ADC_STOPPED REGISTER(ADC_BASE + 0x114u)
#define ADC_INTERRUPT_SET REGISTER(ADC_BASE + 0x304u)
#define ADC_INTERRUPT_CLEAR REGISTER(ADC_BASE + 0x308u)
#define ADC_ENABLE REGISTER(ADC_BASE + 0x500u)
#define ADC_INPUT(channel) REGISTER(ADC_BASE + 0x510u + 16u * (channel))
#define ADC_CONFIG(channel) REGISTER(ADC_BASE + 0x518u + 16u * (channel))
#define ADC_RESOLUTION REGISTER(ADC_BASE + 0x5F0u)
#define ADC_BUFFER REGISTER(ADC_BASE + 0x62Cu)
#define ADC_COUNT REGISTER(ADC_BASE + 0x630u)
#define END_INTERRUPT (1u << 1)
#define BITS_12 2u
/* Gain 1/4 with a quarter of the supply as reference: the whole supply is the range; 10 us. */
#define CONFIG_RATIOMETRIC ((2u << 8) | (1u << 12) | (2u << 16))
#define MID_SCALE 2048

#define PPI_ENABLE REGISTER(0x4001F504u)
#define PPI_DISABLE REGISTER(0x4001F508u)
#define PPI_EVENT(channel) REGISTER(0x4001F510u + 8u * (channel))
#define PPI_TASK(channel) REGISTER(0x4001F514u + 8u * (channel))
#define PPI_BOTH 3u

/* A0 to A7 as inputs of the converter: AIN2, 3, 6, 5, 7, 0, 4, 1, each plus one. */
static const uint8_t inputs[BOARD_AFE_CHANNELS] = {3, 4, 7, 6, 8, 1, 5, 2};

static volatile int16_t buffers[2][BOARD_AFE_CHANNELS];
static uint32_t used, filled;

void afe_handler(void);

/* At the end of a scan PPI has already started the next, which took the buffer's address with it;
 * so the address written here is for the scan after that. */
void afe_handler(void) {
    int16_t counts[BOARD_AFE_CHANNELS];
    TIMER_CAPTURE_1 = 1;
    const uint32_t late = TIMER_VALUE_1 * CORE_TICKS_PER_TIMER_TICK;
    REGISTER(ADC_END) = 0;
    for (uint32_t c = 0; c < used; c++) {
        counts[c] = (int16_t)(buffers[filled][c] - MID_SCALE);
    }
    ADC_BUFFER = (uint32_t)buffers[filled];
    filled = 1u - filled;
    firmware_sample(counts, late);
}

static void set_up_converter(uint32_t channels) {
    for (uint32_t c = 0; c < BOARD_AFE_CHANNELS; c++) {
        ADC_INPUT(c) = c < channels ? inputs[c] : 0u;
        ADC_CONFIG(c) = CONFIG_RATIOMETRIC;
    }
    ADC_RESOLUTION = BITS_12;
    ADC_COUNT = channels;
    ADC_ENABLE = 1;
    filled = 0;
    ADC_BUFFER = (uint32_t)buffers[0];
    ADC_STARTED = 0;
    REGISTER(ADC_START) = 1;
    while (ADC_STARTED == 0u) {
    }
    ADC_BUFFER = (uint32_t)buffers[1];
    REGISTER(ADC_END) = 0;
    ADC_INTERRUPT_SET = END_INTERRUPT;
}

static void connect(void) {
    PPI_EVENT(0) = TIMER_COMPARED_0;
    PPI_TASK(0) = ADC_SAMPLE;
    PPI_EVENT(1) = ADC_END;
    PPI_TASK(1) = ADC_START;
    PPI_ENABLE = PPI_BOTH;
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (channels == 0u || channels > BOARD_AFE_CHANNELS ||
        period_ticks % CORE_TICKS_PER_TIMER_TICK != 0u || period_ticks < BOARD_AFE_LEAST_TICKS) {
        return false;
    }
    used = channels;
    cycles_start();
    set_up_converter(channels);
    connect();
    nvic_enable(BOARD_AFE_IRQ);
    TIMER_MODE = 0;
    TIMER_BITS = BITS_32;
    TIMER_PRESCALER = 0;
    TIMER_CLEAR = 1;
    TIMER_VALUE_0 = period_ticks / CORE_TICKS_PER_TIMER_TICK;
    TIMER_SHORTS = COMPARE_0_CLEARS;
    TIMER_START = 1;
    return true;
}

void afe_stop(void) {
    TIMER_STOP = 1;
    PPI_DISABLE = PPI_BOTH;
    nvic_disable(BOARD_AFE_IRQ);
    ADC_INTERRUPT_CLEAR = END_INTERRUPT;
    if (ADC_ENABLE != 0u) { /* a converter that is off stops nothing */
        ADC_STOPPED = 0;
        ADC_STOP = 1;
        while (ADC_STOPPED == 0u) {
        }
        ADC_ENABLE = 0;
    }
}
