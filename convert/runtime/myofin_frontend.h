/*
 * The integer front end: raw ADC counts to int8 codes, one frame of interleaved samples at a time.
 *
 *   d    = count - offset
 *   d   -= accumulator >> dc_shift          (one-pole DC blocker, only where dc_shift > 0)
 *   code = sign(d) * table[min(|d| * gain, last)]
 */
#ifndef MYOFIN_FRONTEND_H
#define MYOFIN_FRONTEND_H

#include <stdbool.h>
#include <stdint.h>

#define MYOFIN_FRONTEND_TABLE_SIZE 2048u

typedef struct {
    uint32_t channels;
    uint32_t dc_shift;      /* 0: no DC blocker; at most 15 */
    const int16_t *offsets; /* [channels], counts */
    const uint32_t *gains;  /* [channels], table entries per count, times 2^16 */
    const uint32_t *limits; /* [channels], smallest magnitude that saturates, counts */
    const int8_t *table;    /* [2048], 0..127 */
} myofin_frontend_t;

/*
 * Encodes samples * channels interleaved counts. accumulators[channels] and *started are the state
 * of the DC blocker; *started is false before the first sample.
 */
void myofin_frontend_encode(const myofin_frontend_t *frontend, int32_t *accumulators, bool *started,
                            const int16_t *counts, uint32_t samples, int8_t *codes);

#endif
