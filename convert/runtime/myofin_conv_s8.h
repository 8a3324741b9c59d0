/*
 * Layers over three samples, and their pooling, on int8 (myofin_conv_samples.h).
 *
 * Values are 0..255, int8 outputs less the lowest code. The generator has found, for each output,
 * a factor and an offset with which one multiplication and one saturating shift give the bits of
 * TFLM's two roundings.
 */
#ifndef MYOFIN_CONV_S8_H
#define MYOFIN_CONV_S8_H

#include "myofin_fixed.h"

#define MYOFIN_CONV_INPUT 1
#define MYOFIN_CONV_POOL_WORDS 2u /* of a pair of values: both sums, both maxima, in halfwords */

#if defined(__ARM_FEATURE_DSP) && MYOFIN_SSAT && !defined(MYOFIN_NO_ASSEMBLY)

#define MYOFIN_CONV_VALUE(sum, factor)                                                             \
    "smmul " sum ", " sum ", " factor "\n"                                                         \
    "usat " sum ", #8, " sum ", asr %[shift]\n"

static inline void myofin_conv_pool_word(uint32_t pooled[2], uint32_t word) {
    uint32_t difference;
    __asm__("uadd16 %0, %0, %1" : "+r"(pooled[0]) : "r"(word));
    __asm__("usub16 %0, %2, %1\n"
            "sel %1, %2, %1"
            : "=&r"(difference), "+r"(pooled[1])
            : "r"(word));
}

#else

/* ((sum * factor) >> (32 + shift)), saturated to 0..255. */
static inline int32_t myofin_conv_value(int32_t sum, int32_t factor, uint32_t shift) {
    const int32_t high = (int32_t)(((int64_t)sum * factor) >> 32);
    return myofin_clamp(high >> shift, 0, 255);
}

static inline void myofin_conv_pool_word(uint32_t pooled[2], uint32_t word) {
    const uint32_t lower = word & 0xFFFFu;
    const uint32_t upper = word & 0xFFFF0000u;
    const uint32_t lower_maximum = pooled[1] & 0xFFFFu;
    const uint32_t upper_maximum = pooled[1] & 0xFFFF0000u;
    pooled[0] += word; /* no halfword overflows */
    pooled[1] = ((lower > lower_maximum) ? lower : lower_maximum) |
                ((upper > upper_maximum) ? upper : upper_maximum);
}

#endif

static inline void myofin_conv_pool(uint32_t pooled[2], uint32_t first, uint32_t second) {
    myofin_conv_pool_word(pooled, first);
    myofin_conv_pool_word(pooled, second);
}

#include "myofin_conv_samples.h"

/* As int8: sums[width] and maxima[width] of the `count` outputs in pooled. */
static inline void myofin_conv_sums(const myofin_conv_t *conv, const uint32_t *pooled,
                                    uint32_t count, int16_t *sums, int8_t *maxima) {
    const int32_t lowest = INT8_MIN;
    for (uint32_t value = 0; value < conv->width; value++) {
        const uint32_t *pair = pooled + (MYOFIN_CONV_POOL_WORDS * (value / 2u));
        const uint32_t shift = 16u * (value % 2u);
        const int32_t sum = (int32_t)((pair[0] >> shift) & 0xFFFFu);
        const int32_t maximum = (int32_t)((pair[1] >> shift) & 0xFFFFu);
        sums[value] = (int16_t)(sum + (lowest * (int32_t)count));
        maxima[value] = (int8_t)(maximum + lowest);
    }
}

#endif
