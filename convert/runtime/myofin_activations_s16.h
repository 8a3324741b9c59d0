/*
 * Sigmoid and tanh on int16, by interpolation in one table; inline, since an LSTM takes five of
 * them for each unit and step.
 */
#ifndef MYOFIN_ACTIVATIONS_S16_H
#define MYOFIN_ACTIVATIONS_S16_H

#include "myofin_fixed.h"

#define MYOFIN_SIGMOID_ENTRIES 512u
#define MYOFIN_SIGMOID_ZERO 256u /* the entry of the argument 0 */

extern const int32_t myofin_sigmoid_base[MYOFIN_SIGMOID_ENTRIES];
extern const uint16_t myofin_sigmoid_slope[MYOFIN_SIGMOID_ENTRIES];

/* How tanh brings its argument to 3 * 2^12 units of one: (x * factor + half) >> shift. */
typedef struct {
    int32_t factor;
    int32_t shift;
} myofin_tanh_input_t;

/* Argument in units of 2^-12 within int16, result in units of 2^-15. */
static inline int32_t myofin_sigmoid_s16(int32_t x) {
    const int32_t argument = x * 3;
    const int32_t base = (&myofin_sigmoid_base[MYOFIN_SIGMOID_ZERO])[argument >> 9];
    const int32_t slope = (&myofin_sigmoid_slope[MYOFIN_SIGMOID_ZERO])[argument >> 9];
    return (base + (argument * slope)) >> 10;
}

/*
 * Argument in units that `input` describes, result in units of 2^-15. tanh(x) = 2 sigmoid(2 x) - 1,
 * with half the table's value, less 2^23 and its rounding, plus the rounding of this result.
 */
static inline int32_t myofin_tanh_s16(int32_t x, myofin_tanh_input_t input) {
    const int32_t half =
        (input.shift > 0) ? (int32_t)(UINT32_C(1) << ((uint32_t)input.shift - 1u)) : 0;
    /* Beyond 17 bits the table is constant. */
    const int32_t argument = myofin_shift_s17((x * input.factor) + half, (uint32_t)input.shift);
    const int32_t base = (&myofin_sigmoid_base[MYOFIN_SIGMOID_ZERO])[argument >> 8];
    const int32_t slope = (&myofin_sigmoid_slope[MYOFIN_SIGMOID_ZERO])[argument >> 8];
    const int32_t offset = (INT32_C(1) << 23) + 128;
    return ((base >> 1) + ((argument * slope) - offset)) >> 8;
}

#endif
