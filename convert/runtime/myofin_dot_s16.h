/*
 * Dot products of int8 weights with int16 values, two rows of weights in one int16: the weights of
 * myofin_dot_s8.h in their natural order of columns.
 *
 * With w = 256 * odd + even, the sum of w * x needs 64 bits: SMLALD keeps them. The sum of even * x
 * and the odd one stay within int32, which the generator has checked, so that
 * odd = (both - even) / 256 is exact.
 */
#ifndef MYOFIN_DOT_S16_H
#define MYOFIN_DOT_S16_H

#include "myofin_fixed.h"

#define MYOFIN_DOT_S16_COLUMNS 16u /* columns of a block */
#define MYOFIN_DOT_S16_ROWS 4u     /* rows at once */

/* The assembly needs all 14 registers: define MYOFIN_NO_ASSEMBLY for a build with frame pointers.
 */
#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__) && !defined(MYOFIN_NO_ASSEMBLY)

static inline int32_t myofin_dot_s16_odd(uint32_t low, int32_t high, int32_t even) {
    const int64_t both = (int64_t)(((uint64_t)(uint32_t)high << 32u) | low);
    return (int32_t)((both - even) >> 8);
}

/*
 * sums[4] of the rows at w and x[columns]. Registers: 6 of sums; 4 words of weights (2 pairs of
 * columns of both pairs of rows, extracted in place), 2 words of x, two pointers: all 14. A block
 * takes 56 instructions for 64 products.
 */
MYOFIN_INLINE void myofin_dot_s16(const int16_t *w, const int16_t *x, uint32_t blocks,
                                  int32_t sums[MYOFIN_DOT_S16_ROWS]) {
    uint32_t low0 = 0;
    int32_t high0 = 0;
    int32_t even0 = 0;
    uint32_t low1 = 0;
    int32_t high1 = 0;
    int32_t even1 = 0;
    for (uint32_t block = 0; block < blocks; block++) {
        __asm__ volatile(".rept 4\n"
                         "ldmia %[w]!, {r8, r9, r10, r11}\n"
                         "ldrd  r12, lr, [%[x]], #8\n"
                         "smlald %[l0], %[h0], r8, r12\n"
                         "smlald %[l1], %[h1], r10, r12\n"
                         "smlald %[l0], %[h0], r9, lr\n"
                         "smlald %[l1], %[h1], r11, lr\n"
                         "sxtb16 r8, r8\n"
                         "sxtb16 r9, r9\n"
                         "sxtb16 r10, r10\n"
                         "sxtb16 r11, r11\n"
                         "smlad %[e0], r8, r12, %[e0]\n"
                         "smlad %[e1], r10, r12, %[e1]\n"
                         "smlad %[e0], r9, lr, %[e0]\n"
                         "smlad %[e1], r11, lr, %[e1]\n"
                         ".endr\n"
                         : [l0] "+r"(low0), [h0] "+r"(high0), [e0] "+r"(even0), [l1] "+r"(low1),
                           [h1] "+r"(high1), [e1] "+r"(even1), [w] "+r"(w), [x] "+r"(x)
                         :
                         : "r8", "r9", "r10", "r11", "r12", "lr", "memory");
    }
    sums[0] = even0;
    sums[1] = myofin_dot_s16_odd(low0, high0, even0);
    sums[2] = even1;
    sums[3] = myofin_dot_s16_odd(low1, high1, even1);
}

#else

/* The weight of the odd row: w - even is 256 times it. */
MYOFIN_INLINE void myofin_dot_s16_column(const int16_t *w, int32_t x, int32_t *even, int32_t *odd) {
    const int32_t low = (int8_t)(*w & 0xFF);
    *even += low * x;
    *odd += ((*w - low) >> 8) * x;
}

static inline void myofin_dot_s16(const int16_t *w, const int16_t *x, uint32_t blocks,
                                  int32_t sums[MYOFIN_DOT_S16_ROWS]) {
    int32_t even0 = 0;
    int32_t odd0 = 0;
    int32_t even1 = 0;
    int32_t odd1 = 0;
    for (const int16_t *end = x + (blocks * MYOFIN_DOT_S16_COLUMNS); x != end; x += 4) {
        for (uint32_t i = 0; i < 4u; i++) {
            myofin_dot_s16_column(w + i, x[i], &even0, &odd0);
            myofin_dot_s16_column(w + 4u + i, x[i], &even1, &odd1);
        }
        w += 8;
    }
    sums[0] = even0;
    sums[1] = odd0;
    sums[2] = even1;
    sums[3] = odd1;
}

#endif

#endif
