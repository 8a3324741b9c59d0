/* The electrodes of an emulated board: a recording that the emulator's loader put into memory at
 * BOARD_RECORDING_BASE. A front end takes it sample by sample, and from its beginning again after
 * its end. */
#ifndef MYOFIN_RECORDING_H
#define MYOFIN_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

/* Begin at the first sample; false when there is no recording of so many channels. */
bool recording_open(uint32_t channels);

/* The counts of the next sample, one a channel. */
const int16_t *recording_next(void);

#endif
