/*
 * Rescaling of sums of int16 activations and int8 weights. TensorFlow Lite Micro keeps 16 bits of
 * the factor there and rounds once, unlike in myofin_fixed.h.
 */
#ifndef MYOFIN_FIXED_S16_H
#define MYOFIN_FIXED_S16_H

#include "myofin_fixed.h"

/* A real factor multiplier * 2^-shift, of 16 significant bits; the shift is 1..63. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} myofin_scale_once_t;

/* value * scale, a half up; the generator has checked that the product stays within int64. */
static inline int32_t myofin_rescale_wide(int64_t value, myofin_scale_once_t scale) {
    const uint32_t shift = (uint32_t)scale.shift;
    return (int32_t)(((value * scale.multiplier) + (INT64_C(1) << (shift - 1u))) >> shift);
}

/* The same for an int32. The generator writes factors with a shift of 32 wherever they allow it:
 * that is one instruction on a DSP core. */
MYOFIN_INLINE int32_t myofin_rescale_once(int32_t value, myofin_scale_once_t scale) {
    if (scale.shift == 32) {
        return myofin_high_product(value, scale.multiplier, 0);
    }
    return myofin_rescale_wide(value, scale);
}

#endif
