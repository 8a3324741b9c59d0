#include "myofin_frontend.h"

#define HALF_Q16 32768u

/* Removes the mean; the accumulator holds 2^shift times the mean and starts at the first sample. */
static int32_t block_dc(int32_t value, uint32_t shift, bool started, int32_t *accumulator) {
    if (started) {
        *accumulator += value - (*accumulator >> shift);
    } else {
        *accumulator = value * (INT32_C(1) << shift);
    }
    return value - (*accumulator >> shift);
}

/* Compands |value| through the table; below the limit the product stays under 2^27. */
static int8_t compand(const myofin_frontend_t *frontend, uint32_t channel, int32_t value) {
    const uint32_t magnitude = (value < 0) ? (uint32_t)(-value) : (uint32_t)value;
    uint32_t index = MYOFIN_FRONTEND_TABLE_SIZE - 1u;
    if (magnitude < frontend->limits[channel]) {
        index = ((magnitude * frontend->gains[channel]) + HALF_Q16) >> 16u;
    }
    const int32_t code = frontend->table[index];
    return (int8_t)((value < 0) ? -code : code);
}

void myofin_frontend_encode(const myofin_frontend_t *frontend, int32_t *accumulators, bool *started,
                            const int16_t *counts, uint32_t samples, int8_t *codes) {
    const uint32_t channels = frontend->channels;
    for (uint32_t sample = 0; sample < samples; sample++) {
        for (uint32_t c = 0; c < channels; c++) {
            const uint32_t at = (sample * channels) + c;
            int32_t value = (int32_t)counts[at] - (int32_t)frontend->offsets[c];
            if (frontend->dc_shift > 0u) {
                value = block_dc(value, frontend->dc_shift, *started, &accumulators[c]);
            }
            codes[at] = compand(frontend, c, value);
        }
        *started = true;
    }
}
