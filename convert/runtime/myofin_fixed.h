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

/*
 * Helium. Its kernels are assembly and intrinsics whose constants only an optimising compiler sees.
 * They read weights in an order of their own: the generated source holds both, one is compiled.
 */
#if defined(__ARM_FEATURE_MVE) && defined(__OPTIMIZE__) && !defined(MYOFIN_NO_ASSEMBLY)
#define MYOFIN_MVE 1
#else
#define MYOFIN_MVE 0
#endif

/* For what must see its arguments as constants. */
#if defined(__GNUC__)
#define MYOFIN_INLINE static inline __attribute__((always_inline))
#else
#define MYOFIN_INLINE static inline
#endif

/* A real factor multiplier * 2^(shift - 31); multiplier is in [2^30, 2^31), or 0 for a factor of
 * zero. */
typedef struct {
    int32_t multiplier;
    int32_t shift; /* -31..30, positive to the left */
} myofin_scale_t;

/*
 * The debug build that counts saturation: with MYOFIN_COUNT_SATURATION, a function of the program
 * is told every value that has to fit between two bounds. In other builds nothing is left of it.
 */
#ifdef MYOFIN_COUNT_SATURATION
void myofin_bounded(int32_t value, int32_t low, int32_t high);
#define MYOFIN_BOUNDED(value, low, high) myofin_bounded(value, low, high)
#else
#define MYOFIN_BOUNDED(value, low, high)
#endif

static inline int32_t myofin_clamp(int32_t value, int32_t low, int32_t high) {
    MYOFIN_BOUNDED(value, low, high);
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

/* accumulator + value * factor / 2^32, the product rounded to nearest, a half up. */
static inline int32_t myofin_high_product(int32_t value, int32_t factor, int32_t accumulator) {
#if defined(__ARM_FEATURE_DSP)
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(value), "r"(factor), "r"(accumulator));
    return result;
#else
    const int64_t product = ((int64_t)value * factor) + (INT64_C(1) << 31);
    return accumulator + (int32_t)(product >> 32);
#endif
}

/* The core's saturating instruction takes constants only, which needs an optimising compiler. */
#if defined(__ARM_FEATURE_SAT) && defined(__OPTIMIZE__)
#define MYOFIN_SSAT 1
#else
#define MYOFIN_SSAT 0
#endif

static inline int32_t myofin_saturate_s16(int32_t value) {
#if MYOFIN_SSAT
    int32_t result;
    __asm__("ssat %0, #16, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return myofin_clamp(value, INT16_MIN, INT16_MAX);
#endif
}

static inline int32_t myofin_saturate_s8(int32_t value) {
#if MYOFIN_SSAT
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return myofin_clamp(value, INT8_MIN, INT8_MAX);
#endif
}

/* value >> right, saturated to 16 or to 17 bits. */
static inline int32_t myofin_shift_s16(int32_t value, uint32_t right) {
#if MYOFIN_SSAT
    if (__builtin_constant_p(right) && (right > 0u)) {
        int32_t result;
        __asm__("ssat %0, #16, %1, asr %2" : "=r"(result) : "r"(value), "i"(right));
        return result;
    }
#endif
    return myofin_saturate_s16(value >> right);
}

static inline int32_t myofin_shift_s17(int32_t value, uint32_t right) {
#if MYOFIN_SSAT
    if (__builtin_constant_p(right)) {
        int32_t result;
        if (right > 0u) {
            __asm__("ssat %0, #17, %1, asr %2" : "=r"(result) : "r"(value), "i"(right));
        } else {
            __asm__("ssat %0, #17, %1" : "=r"(result) : "r"(value));
        }
        return result;
    }
#endif
    return myofin_clamp(value >> right, -(INT32_C(1) << 16), (INT32_C(1) << 16) - 1);
}

/*
 * What myofin_rescale(doubled / 2, scale) shifts right last, without its branches; doubled *
 * 2^shift stays within int32. The second rounding is one addition: of a half, and of -1 for
 * negative values. That the sign is the product's and not that of the rounded product changes
 * nothing: where they differ, the latter is 0, and both a half and a half less 1 are shifted to 0.
 */
static inline int32_t myofin_rescale_unshifted(int32_t doubled, myofin_scale_t scale) {
    if (scale.shift >= 0) {
        const int32_t shifted = (int32_t)((uint32_t)doubled << (uint32_t)scale.shift);
        return myofin_high_product(shifted, scale.multiplier, 0);
    }
    const int32_t half = (int32_t)(UINT32_C(1) << ((uint32_t)(-scale.shift) - 1u));
    return myofin_high_product(doubled, scale.multiplier, half) + (doubled >> 31);
}

static inline uint32_t myofin_right_shift(myofin_scale_t scale) {
    return (scale.shift < 0) ? (uint32_t)(-scale.shift) : 0u;
}

/* myofin_rescale(doubled / 2, scale), and the same saturated to int16. */
static inline int32_t myofin_rescale_doubled(int32_t doubled, myofin_scale_t scale) {
    return myofin_rescale_unshifted(doubled, scale) >> myofin_right_shift(scale);
}

static inline int32_t myofin_rescale_s16(int32_t doubled, myofin_scale_t scale) {
    return myofin_shift_s16(myofin_rescale_unshifted(doubled, scale), myofin_right_shift(scale));
}

/*
 * myofin_rescale(gate * factor, scale) saturated to int16, for gate >= 0. Where the scale is a
 * power of two, 2^-n, the first rounding adds 1 to the product and halves it; the rest follows, and
 * floors of floors are one: (product + 2^(n-1) + 1) >> n, or - 1 for negative products.
 */
static inline int32_t myofin_rescale_gated(int32_t gate, int32_t factor, myofin_scale_t scale) {
    if ((scale.multiplier == (INT32_C(1) << 30)) && (scale.shift < 0) && (scale.shift >= -28)) {
        const uint32_t right = (uint32_t)(1 - scale.shift);
        const int32_t half = (INT32_C(1) << (right - 1u)) + ((factor >> 31) | 1);
        return myofin_shift_s16((gate * factor) + half, right);
    }
    return myofin_rescale_s16(2 * (gate * factor), scale);
}

/* sums[0] = a[0] + b0 and sums[1] = a[1] + b1, saturated; b0 and b1 are within int16. */
static inline void myofin_add_saturated(const int16_t a[2], int32_t b0, int32_t b1,
                                        int16_t sums[2]) {
#if defined(__ARM_FEATURE_DSP)
    uint32_t word;
    uint32_t added;
    __builtin_memcpy(&word, a, sizeof(word)); /* one load, also in a freestanding build */
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(added) : "r"(b0), "r"(b1));
    __asm__("qadd16 %0, %1, %2" : "=r"(word) : "r"(word), "r"(added));
    __builtin_memcpy(sums, &word, sizeof(word));
#else
    sums[0] = (int16_t)myofin_saturate_s16(a[0] + b0);
    sums[1] = (int16_t)myofin_saturate_s16(a[1] + b1);
#endif
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
