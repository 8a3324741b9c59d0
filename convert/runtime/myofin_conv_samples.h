/*
 * Embedding of three successive samples of one channel, pooled: a layer over the samples, with or
 * without a pointwise layer after it, both with ReLU. For int8 and int16 alike.
 *
 * Values are never negative, in pairs of 16 bits; samples are taken two at a time. How a sum
 * becomes a value, and how values are pooled, say myofin_conv_s8.h and myofin_conv_s16.h, which
 * include this file:
 *
 *   MYOFIN_CONV_INPUT          what a code is multiplied by
 *   MYOFIN_CONV_VALUE(s, f)    instructions that turn the sum in s into a value, f being a factor
 *   myofin_conv_value          the same in C
 *   MYOFIN_CONV_POOL_WORDS     words of the pooling of a pair of values
 *   myofin_conv_pool           adds two pairs of values to it
 *
 * Everything is inline: the compiler then sees the constants of the one model.
 */
#ifndef MYOFIN_CONV_SAMPLES_H
#define MYOFIN_CONV_SAMPLES_H

#ifndef MYOFIN_CONV_INPUT
#error "Include myofin_conv_s8.h or myofin_conv_s16.h"
#endif

#include "myofin_fixed.h"

#include <string.h>

#define MYOFIN_CONV_TAPS 3u

/*
 * Words of one pair of values of the first layer: taps 0 and 1 of each of the two values, tap 2 of
 * both; two offsets, two factors. Of the second layer: two offsets; for every four inputs the
 * weights of inputs 0 and 1, then 2 and 3, of the one value and then of the other; two factors.
 * Halfwords: the lower comes first.
 */
typedef struct {
    uint32_t width;       /* values of an output */
    uint32_t stride;      /* codes from one sample to the next */
    uint32_t first_fours; /* values of the first layer in fours, filled with zeros */
    uint32_t pairs;       /* values of an output in pairs, likewise */
    const int32_t *first;
    const int32_t *second; /* NULL: there is no second layer */
    uint32_t first_shift;
    uint32_t second_shift;
} myofin_conv_t;

/* x[count] = samples of one channel. */
static inline void myofin_conv_gather(const myofin_conv_t *conv, const int8_t *codes,
                                      uint32_t count, int16_t *x) {
    for (uint32_t i = 0; i < count; i++) {
        x[i] = (int16_t)(*codes * MYOFIN_CONV_INPUT);
        codes += conv->stride;
    }
}

static inline uint32_t myofin_halves(int32_t lower, int32_t upper) {
    return ((uint32_t)lower & 0xFFFFu) | ((uint32_t)upper << 16u);
}

static inline int32_t myofin_lower_half(int32_t word) {
    return (int16_t)((uint32_t)word & 0xFFFFu);
}

#if defined(__ARM_FEATURE_DSP) && MYOFIN_SSAT && !defined(MYOFIN_NO_ASSEMBLY)

/* Values 0..3 of two samples, to values[sample][4]; x holds the four codes that they span. */
MYOFIN_INLINE void myofin_conv_first(const int32_t *w, const int16_t *x, uint32_t fours,
                                     uint32_t shift, uint32_t *values) {
    uint32_t early;
    uint32_t late;
    __builtin_memcpy(&early, x, sizeof(early));
    __builtin_memcpy(&late, x + 2, sizeof(late));
    const uint32_t middle = (early >> 16u) | (late << 16u);
    for (uint32_t i = 0; i < fours; i++) {
        __asm__ volatile(
            ".macro myofin_two_values next\n"
            "ldmia %[w]!, {r5, r6, r8, r9, r10}\n"
            "smlad r11, r5, %[early], r9\n"
            "smlad r12, r6, %[early], r10\n"
            "smlad r9, r5, %[middle], r9\n"
            "smlad r10, r6, %[middle], r10\n"
            "smlabb r11, r8, %[late], r11\n"
            "smlatb r12, r8, %[late], r12\n"
            "smlabt r9, r8, %[late], r9\n"
            "smlatt r10, r8, %[late], r10\n"
            "ldrd r5, r6, [%[w]], #8\n" MYOFIN_CONV_VALUE("r11", "r5")
                MYOFIN_CONV_VALUE("r12", "r6") MYOFIN_CONV_VALUE("r9", "r5")
                    MYOFIN_CONV_VALUE("r10", "r6") "pkhbt r9, r9, r10, lsl #16\n"
                                                   "pkhbt r11, r11, r12, lsl #16\n"
                                                   "str r9, [%[values], #8]\n"
                                                   "str r11, [%[values]], \\next\n"
                                                   ".endm\n"
                                                   "myofin_two_values #4\n"
                                                   "myofin_two_values #12\n"
                                                   ".purgem myofin_two_values\n"
            : [w] "+r"(w), [values] "+r"(values)
            : [early] "r"(early), [middle] "r"(middle), [late] "r"(late), [shift] "i"(shift)
            : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "memory");
    }
}

/* Two values of the second layer for two samples, a word a sample; returns the next words. */
MYOFIN_INLINE const int32_t *myofin_conv_second(const int32_t *w, const uint32_t *x, uint32_t fours,
                                                uint32_t shift, uint32_t outputs[2]) {
    uint32_t a0;
    uint32_t b0;
    uint32_t a1;
    uint32_t b1;
    __asm__ volatile(
        "ldrd %[a1], %[b1], [%[w]], #8\n"
        "ldmia %[w]!, {r8, r9, r10, r11}\n"
        "ldmia %[x]!, {r5, r6, r12, lr}\n"
        "smlad %[a0], r8, r5, %[a1]\n"
        "smlad %[b0], r10, r5, %[b1]\n"
        "smlad %[a1], r8, r12, %[a1]\n"
        "smlad %[b1], r10, r12, %[b1]\n"
        "smlad %[a0], r9, r6, %[a0]\n"
        "smlad %[b0], r11, r6, %[b0]\n"
        "smlad %[a1], r9, lr, %[a1]\n"
        "smlad %[b1], r11, lr, %[b1]\n"
        ".rept %c[more]\n"
        "ldmia %[w]!, {r8, r9, r10, r11}\n"
        "ldmia %[x]!, {r5, r6, r12, lr}\n"
        "smlad %[a0], r8, r5, %[a0]\n"
        "smlad %[b0], r10, r5, %[b0]\n"
        "smlad %[a1], r8, r12, %[a1]\n"
        "smlad %[b1], r10, r12, %[b1]\n"
        "smlad %[a0], r9, r6, %[a0]\n"
        "smlad %[b0], r11, r6, %[b0]\n"
        "smlad %[a1], r9, lr, %[a1]\n"
        "smlad %[b1], r11, lr, %[b1]\n"
        ".endr\n"
        "ldrd r8, r9, [%[w]], #8\n" MYOFIN_CONV_VALUE("%[a0]", "r8")
            MYOFIN_CONV_VALUE("%[b0]", "r9") MYOFIN_CONV_VALUE("%[a1]", "r8")
                MYOFIN_CONV_VALUE("%[b1]", "r9") "pkhbt %[a0], %[a0], %[b0], lsl #16\n"
                                                 "pkhbt %[a1], %[a1], %[b1], lsl #16\n"
        : [a0] "=&r"(a0), [b0] "=&r"(b0), [a1] "=&r"(a1), [b1] "=&r"(b1), [w] "+r"(w), [x] "+r"(x)
        : [more] "i"(fours - 1u), [shift] "i"(shift)
        : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
    outputs[0] = a0;
    outputs[1] = a1;
    return w;
}

#else

MYOFIN_INLINE uint32_t myofin_conv_first_pair(const int32_t *w, const int16_t *x, uint32_t shift) {
    const int32_t a = w[3] + (myofin_lower_half(w[0]) * x[0]) + ((w[0] >> 16) * x[1]) +
                      (myofin_lower_half(w[2]) * x[2]);
    const int32_t b =
        w[4] + (myofin_lower_half(w[1]) * x[0]) + ((w[1] >> 16) * x[1]) + ((w[2] >> 16) * x[2]);
    return myofin_halves(myofin_conv_value(a, w[5], shift), myofin_conv_value(b, w[6], shift));
}

static inline void myofin_conv_first(const int32_t *w, const int16_t *x, uint32_t fours,
                                     uint32_t shift, uint32_t *values) {
    for (uint32_t i = 0; i < fours; i++) {
        values[0] = myofin_conv_first_pair(w, x, shift);
        values[1] = myofin_conv_first_pair(w + 7, x, shift);
        values[2] = myofin_conv_first_pair(w, x + 1, shift);
        values[3] = myofin_conv_first_pair(w + 7, x + 1, shift);
        w += 14;
        values += 4;
    }
}

/* Adds the products of two inputs, for two values and two samples. */
MYOFIN_INLINE void myofin_conv_products(int32_t a, int32_t b, uint32_t x0, uint32_t x1,
                                        int32_t sums[4]) {
    const int32_t inputs[4] = {(int32_t)(x0 & 0xFFFFu), (int32_t)(x0 >> 16u),
                               (int32_t)(x1 & 0xFFFFu), (int32_t)(x1 >> 16u)};
    sums[0] += (myofin_lower_half(a) * inputs[0]) + ((a >> 16) * inputs[1]);
    sums[1] += (myofin_lower_half(b) * inputs[0]) + ((b >> 16) * inputs[1]);
    sums[2] += (myofin_lower_half(a) * inputs[2]) + ((a >> 16) * inputs[3]);
    sums[3] += (myofin_lower_half(b) * inputs[2]) + ((b >> 16) * inputs[3]);
}

static inline const int32_t *myofin_conv_second(const int32_t *w, const uint32_t *x, uint32_t fours,
                                                uint32_t shift, uint32_t outputs[2]) {
    int32_t sums[4] = {w[0], w[1], w[0], w[1]};
    w += 2;
    for (uint32_t i = 0; i < fours; i++) {
        myofin_conv_products(w[0], w[2], x[0], x[2], sums);
        myofin_conv_products(w[1], w[3], x[1], x[3], sums);
        w += 4;
        x += 4;
    }
    outputs[0] = myofin_halves(myofin_conv_value(sums[0], w[0], shift),
                               myofin_conv_value(sums[1], w[1], shift));
    outputs[1] = myofin_halves(myofin_conv_value(sums[2], w[0], shift),
                               myofin_conv_value(sums[3], w[1], shift));
    return w + 2;
}

#endif

/*
 * Adds `count` outputs, for x[count + 2], to pooled[pairs][MYOFIN_CONV_POOL_WORDS], of at most 257
 * outputs. values[first_fours][4] is scratch. Of an odd count, the
 * last output's companion reads one sample more and counts as 0, which changes neither sums nor
 * maxima.
 */
MYOFIN_INLINE void myofin_conv(const myofin_conv_t *conv, const int16_t *x, uint32_t count,
                               uint32_t *values, uint32_t *pooled) {
    for (uint32_t done = 0; done < count; done += 2u) {
        const uint32_t companion = ((done + 1u) < count) ? UINT32_MAX : 0u;
        const int32_t *w = conv->second;
        myofin_conv_first(conv->first, x + done, conv->first_fours, conv->first_shift, values);
        for (uint32_t pair = 0; pair < conv->pairs; pair++) {
            const uint32_t *both = values + (4u * (pair / 2u)) + (pair % 2u);
            uint32_t outputs[2] = {both[0], both[2]};
            if (conv->second != NULL) {
                w = myofin_conv_second(w, values, conv->first_fours, conv->second_shift, outputs);
            }
            myofin_conv_pool(pooled + (MYOFIN_CONV_POOL_WORDS * pair), outputs[0],
                             outputs[1] & companion);
        }
    }
}

#endif
