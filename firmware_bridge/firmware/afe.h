/* What the application needs of an analogue front end: samples of all channels, at a steady rate,
 * handed over in an interrupt. A port implements afe_start, afe_stop, afe_hold and afe_clock, and
 * calls firmware_sample.
 *
 * Time is in ticks of the counter that board.toml names, on physical boards the core's cycle
 * counter. A front end that is driven by a timer of another rate converts, and refuses a period
 * that it cannot keep exactly.
 *
 * - ADC with DMA: a timer triggers a scan over all channels; the DMA's interrupt hands the scan
 *   over. Where the DMA collects several scans, the handler calls firmware_sample once for each, in
 *   order; `late_ticks` then includes how long a scan has waited.
 * - Front end on SPI, such as the ADS1298: afe_start writes its configuration (rate, channels) and
 *   sends START. Its DRDY pin interrupts once a sample; the handler notes the clock and starts the
 *   SPI transfer (ADS1298: 3 status bytes, then 3 bytes a channel, most significant first). The
 *   transfer's own interrupt brings 24 bits to the int16 counts that the network was trained on
 * (the same shift as the recording's) and calls firmware_sample with the time since DRDY. Its
 * crystal, not the core, sets the rate: afe_start refuses a period that is not the rate it was set
 * to.
 */
#ifndef MYOFIN_AFE_H
#define MYOFIN_AFE_H

#include <stdbool.h>
#include <stdint.h>

/* Begin to sample: the first sample is one period from now, and one follows each period. Starts the
 * clock at any value. False when there is no front end, no recording, or it cannot keep this period
 * with so many channels; nothing has begun then. */
bool afe_start(uint32_t period_ticks, uint32_t channels);

/* End sampling; no firmware_sample comes after the return. Harmless when nothing runs. */
void afe_stop(void);

/* Stop the time of an emulated front end, or let it go on in the same phase: neither samples nor
 * the clock advance while it is held. A physical front end returns false and does nothing. */
bool afe_hold(bool held);

/* The running clock, modulo 2^32; for any context, also interrupts. Where there is no sampling it
 * may stand still. */
uint32_t afe_clock(void);

/* Implemented by the application, called by the port in its interrupt: one sample of each channel,
 * `late_ticks` after the sample was due. The counts are copied before it returns. */
void firmware_sample(const int16_t *counts, uint32_t late_ticks);

#endif
