/* The front end of the RP2040 and RP2350: the converter goes round its channels by itself, evenly
 * over the sample period, so channel k of n is sampled k/n of a period after the first. Two DMA
 * channels that start each other bring a sample into one of two buffers in turn; the interrupt at
 * the end of each hands it over. Counts are those of the 12-bit converter, less half its range. */
#include "afe.h"

#include "../cortex-m/cycles.h"
#include "../cortex-m/nvic.h"
#include "blocks.h"
#include "build_config.h"

#define CLOCK_ADC_CONTROL REGISTER(BOARD_CLOCKS_BASE + BOARD_CLOCK_ADC_OFFSET)
#define ADC_CONTROL REGISTER(BOARD_ADC_BASE + 0x00u)
#define ADC_FIFO_CONTROL REGISTER(BOARD_ADC_BASE + 0x08u)
#define ADC_FIFO (BOARD_ADC_BASE + 0x0Cu)
#define ADC_DIVIDER REGISTER(BOARD_ADC_BASE + 0x10u) /* 256ths of a cycle */
#define ADC_ON (1u << 0)
#define ADC_RUN (1u << 3)
#define ADC_READY (1u << 8)
#define ADC_ROUND(channels) (((1u << (channels)) - 1u) << 16)
/* On, a request to the DMA at one entry, and flags of old losses cleared. */
#define FIFO_TO_DMA ((1u << 0) | (1u << 3) | (3u << 10) | (1u << 24))
#define FIFO_EMPTY (1u << 8)
#define FIRST_PIN 26u
#define PAD_ANALOG 0x80u /* no pulls, no digital input, no output */
#define MID_SCALE 2048

/* The converter's clock, 48 MHz from the USB PLL: 12 MHz x 100, / 5 / 5. */
#define USB_PLL_FEEDBACK 100u
#define USB_PLL_DIVIDER 5u
#define ADC_CLOCK_MHZ 48u
#define CORE_CLOCK_MHZ (BOARD_CLOCK_HZ / 1000000u)
#define MOST_CYCLES 0x10000u /* what the divider can hold */

#define DMA(channel, offset) REGISTER(BOARD_DMA_BASE + 0x40u * (channel) + (offset))
#define DMA_READ 0x00u
#define DMA_WRITE 0x04u
#define DMA_COUNT 0x08u
#define DMA_CONTROL_AND_START 0x0Cu
#define DMA_CONTROL 0x10u
#define DMA_INTERRUPT_ENABLE REGISTER(BOARD_DMA_BASE + 0x404u)
#define DMA_INTERRUPT_STATUS REGISTER(BOARD_DMA_BASE + 0x40Cu)
#define DMA_ABORT REGISTER(BOARD_DMA_BASE + BOARD_DMA_ABORT_OFFSET)
#define BOTH 3u
/* On, 16 bits each, the write address counts up, paced by the converter; then the other begins. */
#define DMA_SETTINGS(other)                                                                        \
    ((1u << 0) | (1u << 2) | (1u << BOARD_DMA_INCREMENT_BIT) | ((other) << BOARD_DMA_CHAIN_BIT) |  \
     (BOARD_DMA_REQUEST_ADC << BOARD_DMA_REQUEST_BIT))

static volatile uint16_t buffers[2][BOARD_AFE_CHANNELS];
static uint32_t used, next, period, due;

void afe_handler(void);

void afe_handler(void) {
    const int32_t late = (int32_t)(cycles_now() - due);
    int16_t counts[BOARD_AFE_CHANNELS];
    DMA_INTERRUPT_STATUS = 1u << next;
    for (uint32_t c = 0; c < used; c++) {
        counts[c] = (int16_t)((int32_t)buffers[next][c] - MID_SCALE);
    }
    DMA(next, DMA_WRITE) = (uint32_t)buffers[next]; /* for when the other starts it again */
    next = 1u - next;
    due += period;
    firmware_sample(counts, late > 0 ? (uint32_t)late : 0u);
}

static void start_converter_clock(void) {
    CLOCK_ADC_CONTROL = 0;
    start_pll(BOARD_PLL_USB_BASE, BOARD_RESET_PLL_USB_BIT, USB_PLL_FEEDBACK, USB_PLL_DIVIDER,
              USB_PLL_DIVIDER);
    CLOCK_ADC_CONTROL = CLOCK_ENABLE; /* source 0: the USB PLL */
    leave_reset((1u << BOARD_RESET_ADC_BIT) | (1u << BOARD_RESET_DMA_BIT));
    ADC_CONTROL = ADC_ON;
    while ((ADC_CONTROL & ADC_READY) == 0u) {
    }
}

static void start_dma(uint32_t channels) {
    for (uint32_t i = 0; i < 2u; i++) {
        DMA(i, DMA_READ) = ADC_FIFO;
        DMA(i, DMA_WRITE) = (uint32_t)buffers[i];
        DMA(i, DMA_COUNT) = channels;
    }
    DMA_INTERRUPT_STATUS = BOTH;
    DMA_INTERRUPT_ENABLE = BOTH;
    next = 0;
    DMA(1u, DMA_CONTROL) = DMA_SETTINGS(0u);
    DMA(0u, DMA_CONTROL_AND_START) = DMA_SETTINGS(1u);
}

/* Cycles of the converter's clock from one conversion to the next, or 0 when that is not exact or
 * out of range. */
static uint32_t conversion_cycles(uint32_t period_ticks, uint32_t channels) {
    const uint64_t scaled = (uint64_t)period_ticks * ADC_CLOCK_MHZ;
    const uint64_t parts = (uint64_t)CORE_CLOCK_MHZ * channels;
    if (scaled % parts != 0u) {
        return 0;
    }
    return scaled / parts <= MOST_CYCLES ? (uint32_t)(scaled / parts) : 0u;
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (channels == 0u || channels > BOARD_AFE_CHANNELS || period_ticks < BOARD_AFE_LEAST_TICKS) {
        return false;
    }
    const uint32_t cycles = conversion_cycles(period_ticks, channels);
    if (cycles == 0u) {
        return false;
    }
    used = channels;
    period = period_ticks;
    cycles_start();
    for (uint32_t c = 0; c < channels; c++) {
        PAD(FIRST_PIN + c) = PAD_ANALOG;
    }
    start_converter_clock();
    ADC_FIFO_CONTROL = FIFO_TO_DMA;
    ADC_DIVIDER = (cycles - 1u) << 8;
    start_dma(channels);
    nvic_enable(BOARD_AFE_IRQ);
    due = cycles_now() + period;
    ADC_CONTROL = ADC_ON | ADC_ROUND(channels) | ADC_RUN;
    return true;
}

void afe_stop(void) {
    nvic_disable(BOARD_AFE_IRQ);
    if (used == 0u) {
        return; /* never started: the blocks are in reset, where nothing answers */
    }
    ADC_CONTROL = 0;
    DMA(0u, DMA_CONTROL) = 0;
    DMA(1u, DMA_CONTROL) = 0;
    DMA_ABORT = BOTH;
    while (DMA_ABORT != 0u) {
    }
    ADC_FIFO_CONTROL = 1;
    while ((ADC_FIFO_CONTROL & FIFO_EMPTY) == 0u) {
        (void)REGISTER(ADC_FIFO);
    }
    used = 0;
}
