/*
 * Fixed-point arithmetic of the integer kernels. Every function gives the bits of TensorFlow Lite
 * Micro's reference kernels, so rounding and saturation are spelled out here and nowhere else.
 *
 * A right shift of a negative value is arithmetic on every compiler this engine supports; C99
 * leaves it to the implementation.
 */
#ifndef MYOFIN_FIXED_H
#define MYOFIN_FIXED_H

#include <stdint.h>

/* A real factor multiplier * 2^(shift - 31); multiplier is in [2^30, 2^31), or 0 for a factor of
 * zero. */
typedef struct {
    int32_t multiplier;
    int32_t shift; /* -31..30, positive to the left */
} myofin_scale_t;

static inline int32_t myofin_clamp(int32_t value, int32_t low, int32_t high) {
    const int32_t raised = (value < low) ? low : value;
    return (raised > high) ? high : raised;
}

/*
 * value * scale, rounded twice: first the 64-bit product to its upper 32 bits (a half goes up),
 * then the right shift (a half goes away from zero). Rounding once differs in the last bit now and
 * then. A left shift wraps as it does in the reference.
 */
static inline int32_t myofin_rescale(int32_t value, myofin_scale_t scale) {
    const uint32_t left = (scale.shift > 0) ? (uint32_t)scale.shift : 0u;
    const uint32_t right = (scale.shift > 0) ? 0u : (uint32_t)(-scale.shift);
    const int32_t shifted = (int32_t)((uint32_t)value << left);
    const int64_t product = (int64_t)shifted * scale.multiplier;
    const int32_t high = (int32_t)((product + (INT64_C(1) << 30)) >> 31);
    const int32_t mask = (int32_t)((UINT32_C(1) << right) - 1u);
    const int32_t threshold = (int32_t)((uint32_t)mask >> 1u) + ((high < 0) ? 1 : 0);
    return (high >> right) + (((high & mask) > threshold) ? 1 : 0);
}

/* Sum of a[i] * b[i]. The generator has checked that no sum of any order leaves int32. */
static inline int32_t myofin_dot_s8(const int8_t *a, const int8_t *b, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (int32_t)a[i] * (int32_t)b[i];
    }
    return sum;
}

#endif
