/*
 * Dot products of int8 weights with values of at most 9 bits, two rows of weights in one int16.
 *
 * The generator stores 256 * odd + even for each column, where `even` and `odd` are the weights of
 * two rows. One multiplication then serves both rows: with A and B the dot products of the odd and
 * the even row, the words give V = 256 * A + B, and their sign-extended low bytes give B, so that
 * A = (V - B) / 256 exactly. That saves every second extraction of a weight. No sum leaves int32
 * while a run has at most 256 columns: 257 * 127 * 255 * 256 < 2^31.
 *
 * Order: [4 columns][2 pairs of rows][column], and [unit] outside; a unit's four gates are its two
 * pairs. Columns come in blocks of 16, filled with zeros.
 */
#ifndef MYOFIN_DOT_S8_H
#define MYOFIN_DOT_S8_H

#include "myofin_fixed.h"

#if !MYOFIN_MVE

#define MYOFIN_DOT_COLUMNS 16u /* columns of a block */
#define MYOFIN_DOT_RUN 16u     /* blocks at most in one run of a sum */
#define MYOFIN_DOT_STEPS 3u    /* steps that myofin_dot_3 takes at once */

/* Doubled dot products, as myofin_rescale_s16 takes them. */
typedef struct {
    int32_t even;
    int32_t odd;
} myofin_pair_t;

/* Words of two rows, V and B as above. */
typedef struct {
    int32_t both;
    int32_t even;
} myofin_words_t;

static inline void myofin_words_add(const myofin_words_t *words, myofin_pair_t *sums) {
    sums->even += 2 * words->even;
    sums->odd += (words->both - words->even) >> 7;
}

/*
 * The assembly needs all 14 registers, which the compiler only gives when it optimises, and not
 * with -fno-omit-frame-pointer: define MYOFIN_NO_ASSEMBLY for a build with frame pointers.
 */
#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__) && !defined(MYOFIN_NO_ASSEMBLY)

/*
 * Two pairs of rows, one step, for a number of blocks that the compiler knows: no counter, and the
 * two registers that it leaves hold x. 54 instructions for 64 products.
 */
#define MYOFIN_DOT_UNROLLED 4u
MYOFIN_INLINE const int16_t *myofin_dot_unrolled_1(const int16_t *w, const int16_t *x,
                                                   uint32_t blocks, myofin_words_t *first,
                                                   myofin_words_t *second) {
    int32_t v0 = 0;
    int32_t b0 = 0;
    int32_t v1 = 0;
    int32_t b1 = 0;
    __asm__ volatile(
        ".macro myofin_columns xa, xb\n"
        "ldmia %[w]!, {r8, r9, r10, r11}\n"
        "smlad %[v0], r8, \\xa, %[v0]\n"
        "smlad %[v1], r10, \\xa, %[v1]\n"
        "smlad %[v0], r9, \\xb, %[v0]\n"
        "smlad %[v1], r11, \\xb, %[v1]\n"
        "sxtb16 r8, r8\n"
        "sxtb16 r9, r9\n"
        "sxtb16 r10, r10\n"
        "sxtb16 r11, r11\n"
        "smlad %[b0], r8, \\xa, %[b0]\n"
        "smlad %[b1], r10, \\xa, %[b1]\n"
        "smlad %[b0], r9, \\xb, %[b0]\n"
        "smlad %[b1], r11, \\xb, %[b1]\n"
        ".endm\n"
        ".rept %c[halves]\n"
        "ldmia %[x]!, {r5, r6, r12, lr}\n"
        "myofin_columns r5, r6\n"
        "myofin_columns r12, lr\n"
        ".endr\n"
        ".purgem myofin_columns\n"
        : [v0] "+r"(v0), [b0] "+r"(b0), [v1] "+r"(v1), [b1] "+r"(b1), [w] "+r"(w), [x] "+r"(x)
        : [halves] "i"(2u * blocks)
        : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
    *first = (myofin_words_t){v0, b0};
    *second = (myofin_words_t){v1, b1};
    return w;
}

/*
 * Two pairs of rows, one step. Registers: 4 sums; 4 words of weights (2 pairs of columns of both
 * pairs of rows, extracted in place), 2 words of x. 58 instructions for 64 products.
 */
MYOFIN_INLINE const int16_t *myofin_dot_run_1(const int16_t *w, const int16_t *x, uint32_t blocks,
                                              myofin_words_t *first, myofin_words_t *second) {
    int32_t v0 = 0;
    int32_t b0 = 0;
    int32_t v1 = 0;
    int32_t b1 = 0;
    if (__builtin_constant_p(blocks) && (blocks <= MYOFIN_DOT_UNROLLED)) {
        return myofin_dot_unrolled_1(w, x, blocks, first, second);
    }
    __asm__ volatile("1:\n"
                     ".rept 4\n"
                     "ldmia %[w]!, {r8, r9, r10, r11}\n"
                     "ldrd  r12, lr, [%[x]], #8\n"
                     "smlad %[v0], r8, r12, %[v0]\n"
                     "smlad %[v1], r10, r12, %[v1]\n"
                     "smlad %[v0], r9, lr, %[v0]\n"
                     "smlad %[v1], r11, lr, %[v1]\n"
                     "sxtb16 r8, r8\n"
                     "sxtb16 r9, r9\n"
                     "sxtb16 r10, r10\n"
                     "sxtb16 r11, r11\n"
                     "smlad %[b0], r8, r12, %[b0]\n"
                     "smlad %[b1], r10, r12, %[b1]\n"
                     "smlad %[b0], r9, lr, %[b0]\n"
                     "smlad %[b1], r11, lr, %[b1]\n"
                     ".endr\n"
                     "subs %[n], #1\n"
                     "bne 1b\n"
                     : [v0] "+l"(v0), [b0] "+l"(b0), [v1] "+l"(v1), [b1] "+l"(b1), [w] "+l"(w),
                       [x] "+l"(x), [n] "+l"(blocks)
                     :
                     : "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    *first = (myofin_words_t){v0, b0};
    *second = (myofin_words_t){v1, b1};
    return w;
}

/*
 * One pair of rows, three steps. Registers: 6 sums, 3 words of x (one a step), 2 words of weights,
 * two pointers and the counter: all 14. 70 instructions for 96 products.
 */
MYOFIN_INLINE void myofin_dot_run_3(const int16_t *w, const int16_t *x, uint32_t blocks,
                                    myofin_words_t words[MYOFIN_DOT_STEPS]) {
    int32_t v0 = 0;
    int32_t b0 = 0;
    int32_t v1 = 0;
    int32_t b1 = 0;
    int32_t v2 = 0;
    int32_t b2 = 0;
    __asm__ volatile(".macro myofin_columns w\n"
                     "ldmia %[x]!, {r8, r9, r10}\n"
                     "smlad %[v0], \\w, r8, %[v0]\n"
                     "smlad %[v1], \\w, r9, %[v1]\n"
                     "smlad %[v2], \\w, r10, %[v2]\n"
                     "sxtb16 \\w, \\w\n"
                     "smlad %[b0], \\w, r8, %[b0]\n"
                     "smlad %[b1], \\w, r9, %[b1]\n"
                     "smlad %[b2], \\w, r10, %[b2]\n"
                     ".endm\n"
                     "1:\n"
                     ".rept 4\n"
                     "ldrd r11, r12, [%[w]], #16\n" /* past the other pair of rows */
                     "myofin_columns r11\n"
                     "myofin_columns r12\n"
                     ".endr\n"
                     "subs %[n], #1\n"
                     "bne 1b\n"
                     ".purgem myofin_columns\n"
                     : [v0] "+r"(v0), [b0] "+r"(b0), [v1] "+r"(v1), [b1] "+r"(b1), [v2] "+r"(v2),
                       [b2] "+r"(b2), [w] "+r"(w), [x] "+r"(x), [n] "+r"(blocks)
                     :
                     : "r8", "r9", "r10", "r11", "r12", "cc", "memory");
    words[0] = (myofin_words_t){v0, b0};
    words[1] = (myofin_words_t){v1, b1};
    words[2] = (myofin_words_t){v2, b2};
}

#else

static inline int32_t myofin_low_byte(int32_t word) {
    return (int8_t)(word & 0xFF);
}

/* Adds the products of one column. */
MYOFIN_INLINE void myofin_dot_column_1(const int16_t *w, int32_t x, myofin_words_t *first,
                                       myofin_words_t *second) {
    first->both += w[0] * x;
    first->even += myofin_low_byte(w[0]) * x;
    second->both += w[4] * x;
    second->even += myofin_low_byte(w[4]) * x;
}

static inline const int16_t *myofin_dot_run_1(const int16_t *w, const int16_t *x, uint32_t blocks,
                                              myofin_words_t *first, myofin_words_t *second) {
    myofin_words_t sums[2] = {{0, 0}, {0, 0}};
    for (const int16_t *end = x + (blocks * MYOFIN_DOT_COLUMNS); x != end; x += 4) {
        myofin_dot_column_1(w, x[0], &sums[0], &sums[1]);
        myofin_dot_column_1(w + 1, x[1], &sums[0], &sums[1]);
        myofin_dot_column_1(w + 2, x[2], &sums[0], &sums[1]);
        myofin_dot_column_1(w + 3, x[3], &sums[0], &sums[1]);
        w += 8;
    }
    *first = sums[0];
    *second = sums[1];
    return w;
}

/* The same for three steps; x holds a pair of columns of each. */
MYOFIN_INLINE void myofin_dot_column_3(int32_t w, const int16_t *x,
                                       myofin_words_t words[MYOFIN_DOT_STEPS]) {
    const int32_t low = myofin_low_byte(w);
    words[0].both += w * x[0];
    words[0].even += low * x[0];
    words[1].both += w * x[2];
    words[1].even += low * x[2];
    words[2].both += w * x[4];
    words[2].even += low * x[4];
}

static inline void myofin_dot_run_3(const int16_t *w, const int16_t *x, uint32_t blocks,
                                    myofin_words_t words[MYOFIN_DOT_STEPS]) {
    myofin_words_t sums[MYOFIN_DOT_STEPS] = {{0, 0}, {0, 0}, {0, 0}};
    for (const int16_t *end = w + (blocks * 2u * MYOFIN_DOT_COLUMNS); w != end; w += 16) {
        myofin_dot_column_3(w[0], x, sums);
        myofin_dot_column_3(w[1], x + 1, sums);
        myofin_dot_column_3(w[2], x + 6, sums);
        myofin_dot_column_3(w[3], x + 7, sums);
        myofin_dot_column_3(w[8], x + 12, sums);
        myofin_dot_column_3(w[9], x + 13, sums);
        myofin_dot_column_3(w[10], x + 18, sums);
        myofin_dot_column_3(w[11], x + 19, sums);
        x += 24;
    }
    words[0] = sums[0];
    words[1] = sums[1];
    words[2] = sums[2];
}

#endif

static inline uint32_t myofin_dot_run_length(uint32_t blocks_left) {
    return (blocks_left < MYOFIN_DOT_RUN) ? blocks_left : MYOFIN_DOT_RUN;
}

/* sums[2] = twice the two pairs of rows at w times x[columns]; returns the rows after them. */
MYOFIN_INLINE const int16_t *myofin_dot_1(const int16_t *w, const int16_t *x, uint32_t blocks,
                                          myofin_pair_t sums[2]) {
    sums[0] = (myofin_pair_t){0, 0};
    sums[1] = (myofin_pair_t){0, 0};
    for (uint32_t done = 0; done < blocks; done += MYOFIN_DOT_RUN) {
        myofin_words_t first;
        myofin_words_t second;
        w = myofin_dot_run_1(w, x + (done * MYOFIN_DOT_COLUMNS),
                             myofin_dot_run_length(blocks - done), &first, &second);
        myofin_words_add(&first, &sums[0]);
        myofin_words_add(&second, &sums[1]);
    }
    return w;
}

/* sums[3] = twice one pair of rows at w times the x of three steps, x[columns / 2][step][2]. */
MYOFIN_INLINE void myofin_dot_3(const int16_t *w, const int16_t *x, uint32_t blocks,
                                myofin_pair_t sums[MYOFIN_DOT_STEPS]) {
    sums[0] = (myofin_pair_t){0, 0};
    sums[1] = (myofin_pair_t){0, 0};
    sums[2] = (myofin_pair_t){0, 0};
    for (uint32_t done = 0; done < blocks; done += MYOFIN_DOT_RUN) {
        const uint32_t at = done * MYOFIN_DOT_COLUMNS;
        myofin_words_t words[MYOFIN_DOT_STEPS];
        myofin_dot_run_3(w + (at * 2u), x + (at * MYOFIN_DOT_STEPS),
                         myofin_dot_run_length(blocks - done), words);
        myofin_words_add(&words[0], &sums[0]);
        myofin_words_add(&words[1], &sums[1]);
        myofin_words_add(&words[2], &sums[2]);
    }
}

#endif
#endif
