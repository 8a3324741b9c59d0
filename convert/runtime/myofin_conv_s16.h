/*
 * Layers over three samples, and their pooling, on int16 (myofin_conv_samples.h).
 *
 * Values are 0..32767. The generator has checked that sums stay in 32 bits and that every factor
 * is one of 2^-32, with which TFLM's single rounding is that of a product's upper word.
 */
#ifndef MYOFIN_CONV_S16_H
#define MYOFIN_CONV_S16_H

#include "myofin_fixed.h"

#define MYOFIN_CONV_INPUT 256
#define MYOFIN_CONV_POOL_WORDS 3u /* of a pair of values: a sum, the other, both maxima */

#if defined(__ARM_FEATURE_DSP) && MYOFIN_SSAT && !defined(MYOFIN_NO_ASSEMBLY)

#define MYOFIN_CONV_VALUE(sum, factor)                                                             \
    "smmulr " sum ", " sum ", " factor "\n"                                                        \
    "usat " sum ", #15, " sum "\n"

/* The larger of each pair of halfwords. */
static inline uint32_t myofin_conv_larger(uint32_t a, uint32_t b) {
    uint32_t difference;
    __asm__("usub16 %0, %2, %1\n"
            "sel %1, %2, %1"
            : "=&r"(difference), "+r"(a)
            : "r"(b));
    return a;
}

#else

/* (sum * factor * 2^-32), a half up, saturated to 0..32767. */
static inline int32_t myofin_conv_value(int32_t sum, int32_t factor, uint32_t shift) {
    (void)shift;
    return myofin_clamp(myofin_high_product(sum, factor, 0), 0, INT16_MAX);
}

static inline uint32_t myofin_conv_larger(uint32_t a, uint32_t b) {
    const uint32_t lower = ((a & 0xFFFFu) > (b & 0xFFFFu)) ? a : b;
    const uint32_t upper = (a > b) ? a : b;
    return (upper & 0xFFFF0000u) | (lower & 0xFFFFu);
}

#endif

static inline void myofin_conv_pool(uint32_t pooled[3], uint32_t first, uint32_t second) {
    const uint32_t both = first + second; /* no halfword overflows */
    pooled[0] += both & 0xFFFFu;
    pooled[1] += both >> 16u;
    pooled[2] = myofin_conv_larger(myofin_conv_larger(pooled[2], first), second);
}

#include "myofin_conv_samples.h"

/* sums[width] and maxima[width] of the `count` outputs in pooled. */
static inline void myofin_conv_sums(const myofin_conv_t *conv, const uint32_t *pooled,
                                    uint32_t count, int32_t *sums, int16_t *maxima) {
    (void)count; /* zero is the lowest value: nothing is added for each output */
    for (uint32_t value = 0; value < conv->width; value++) {
        const uint32_t *pair = pooled + (MYOFIN_CONV_POOL_WORDS * (value / 2u));
        sums[value] = (int32_t)pair[value % 2u];
        maxima[value] = (int16_t)((pair[2] >> (16u * (value % 2u))) & 0xFFFFu);
    }
}

#endif
