/*
 * Dot products of int8 weights with int8 values for Helium (MVE): VMLADAVA takes 16 products.
 *
 * Order of the weights: [quad of rows][block of 16 columns][row][column]; a quad is four rows. The
 * last block is filled with zeros. Sums begin at the rows' biases.
 */
#ifndef MYOFIN_DOT_MVE_S8_H
#define MYOFIN_DOT_MVE_S8_H

#include "myofin_fixed.h"

#if MYOFIN_MVE

#define MYOFIN_QUAD 4u         /* rows of a quad */
#define MYOFIN_DOT_COLUMNS 16u /* columns of a block */
#define MYOFIN_DOT_STEPS 3u    /* steps that myofin_dot_quad_3 takes at once */

/*
 * sums[4 * quads] = bias + rows at w times x[blocks][16]. The sums lie in even registers, which is
 * where VMLADAVA keeps them; LR counts blocks for LE. Not inline, since it takes most registers.
 */
static __attribute__((noinline, unused)) void
myofin_dot_quads_looped(const int8_t *w, const int32_t *bias, const int8_t *x, uint32_t blocks,
                        uint32_t quads, int32_t *sums) {
    const int8_t *values;
    __asm__ volatile("1:\n"
                     "ldmia %[bias]!, {r0, r2, r4, r6}\n"
                     "mov %[values], %[x]\n"
                     "dls lr, %[blocks]\n"
                     "2:\n"
                     "vldrb.8 q0, [%[values]], #16\n"
                     "vldrb.8 q1, [%[w]], #64\n"
                     "vldrb.8 q2, [%[w], #-48]\n"
                     "vldrb.8 q3, [%[w], #-32]\n"
                     "vmladava.s8 r0, q0, q1\n"
                     "vldrb.8 q1, [%[w], #-16]\n"
                     "vmladava.s8 r2, q0, q2\n"
                     "vmladava.s8 r4, q0, q3\n"
                     "vmladava.s8 r6, q0, q1\n"
                     "le lr, 2b\n"
                     "stmia %[sums]!, {r0, r2, r4, r6}\n"
                     "subs %[quads], #1\n"
                     "bne 1b\n"
                     : [w] "+&r"(w), [bias] "+&r"(bias), [quads] "+&r"(quads), [sums] "+&r"(sums),
                       [values] "=&r"(values)
                     : [x] "r"(x), [blocks] "r"(blocks)
                     : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* The same, with the loop over a known number of blocks unrolled. */
MYOFIN_INLINE void myofin_dot_quads_unrolled(const int8_t *w, const int32_t *bias, const int8_t *x,
                                             uint32_t quads, int32_t *sums, uint32_t blocks) {
    __asm__ volatile("1:\n"
                     "ldmia %[bias]!, {r0, r2, r4, r6}\n"
                     ".set myofin_at, 0\n"
                     ".rept %c[blocks]\n"
                     "vldrb.8 q0, [%[x], #myofin_at]\n"
                     "vldrb.8 q1, [%[w]], #64\n"
                     "vldrb.8 q2, [%[w], #-48]\n"
                     "vldrb.8 q3, [%[w], #-32]\n"
                     "vmladava.s8 r0, q0, q1\n"
                     "vldrb.8 q1, [%[w], #-16]\n"
                     "vmladava.s8 r2, q0, q2\n"
                     "vmladava.s8 r4, q0, q3\n"
                     "vmladava.s8 r6, q0, q1\n"
                     ".set myofin_at, myofin_at + 16\n"
                     ".endr\n"
                     "stmia %[sums]!, {r0, r2, r4, r6}\n"
                     "subs %[quads], #1\n"
                     "bne 1b\n"
                     : [w] "+&r"(w), [bias] "+&r"(bias), [quads] "+&r"(quads), [sums] "+&r"(sums)
                     : [x] "r"(x), [blocks] "i"(blocks)
                     : "r0", "r2", "r4", "r6", "q0", "q1", "q2", "q3", "cc", "memory");
}

#define MYOFIN_DOT_UNROLLED(blocks)                                                                \
    static __attribute__((noinline, unused)) void myofin_dot_quads_##blocks(                       \
        const int8_t *w, const int32_t *bias, const int8_t *x, uint32_t quads, int32_t *sums) {    \
        myofin_dot_quads_unrolled(w, bias, x, quads, sums, blocks);                                \
    }

MYOFIN_DOT_UNROLLED(1)
MYOFIN_DOT_UNROLLED(2)
MYOFIN_DOT_UNROLLED(3)

MYOFIN_INLINE void myofin_dot_quads(const int8_t *w, const int32_t *bias, const int8_t *x,
                                    uint32_t blocks, uint32_t quads, int32_t *sums) {
    if (blocks == 1u) {
        myofin_dot_quads_1(w, bias, x, quads, sums);
    } else if (blocks == 2u) {
        myofin_dot_quads_2(w, bias, x, quads, sums);
    } else if (blocks == 3u) {
        myofin_dot_quads_3(w, bias, x, quads, sums);
    } else {
        myofin_dot_quads_looped(w, bias, x, blocks, quads, sums);
    }
}

/* Two rows of a quad and three steps, `unrolled` blocks in one turn of the loop. */
#define MYOFIN_HALF_QUAD_3                                                                         \
    "ldrd r0, r2, [%[bias]], #8\n"                                                                 \
    "mov r4, r0\n"                                                                                 \
    "mov r6, r2\n"                                                                                 \
    "mov r8, r0\n"                                                                                 \
    "mov r10, r2\n"                                                                                \
    "mov %[values], %[x]\n"                                                                        \
    "dls lr, %[turns]\n"                                                                           \
    "2:\n"                                                                                         \
    ".rept %c[unrolled]\n"                                                                         \
    "vldrb.8 q0, [%[w]], #64\n"                                                                    \
    "vldrb.8 q2, [%[values]], #48\n"                                                               \
    "vldrb.8 q1, [%[w], #-48]\n"                                                                   \
    "vldrb.8 q3, [%[values], #-32]\n"                                                              \
    "vmladava.s8 r0, q0, q2\n"                                                                     \
    "vmladava.s8 r2, q1, q2\n"                                                                     \
    "vldrb.8 q2, [%[values], #-16]\n"                                                              \
    "vmladava.s8 r4, q0, q3\n"                                                                     \
    "vmladava.s8 r6, q1, q3\n"                                                                     \
    "vmladava.s8 r8, q0, q2\n"                                                                     \
    "vmladava.s8 r10, q1, q2\n"                                                                    \
    ".endr\n"                                                                                      \
    "le lr, 2b\n"                                                                                  \
    "strd r4, r6, [%[sums], #32]\n"                                                                \
    "strd r8, r10, [%[sums], #64]\n"                                                               \
    "strd r0, r2, [%[sums]], #8\n"

MYOFIN_INLINE void myofin_dot_turns_3(const int8_t *w, const int32_t *bias, const int8_t *x,
                                      uint32_t turns, uint32_t quads, int32_t *sums,
                                      uint32_t unrolled) {
    const int8_t *values;
    __asm__ volatile("1:\n" MYOFIN_HALF_QUAD_3
                     ".rept %c[unrolled]\n" /* back to the first block, now for the other rows */
                     "sub %[w], %[w], %[turns], lsl #6\n"
                     ".endr\n"
                     "add %[w], #32\n" MYOFIN_HALF_QUAD_3 "sub %[w], #32\n"
                     "subs %[quads], #1\n"
                     "bne 1b\n"
                     : [w] "+&r"(w), [bias] "+&r"(bias), [quads] "+&r"(quads), [sums] "+&r"(sums),
                       [values] "=&r"(values)
                     : [x] "r"(x), [turns] "r"(turns), [unrolled] "i"(unrolled)
                     : "r0", "r2", "r4", "r6", "r8", "r10", "lr", "q0", "q1", "q2", "q3", "cc",
                       "memory");
}

/* Not inline, since these take every register. */
static __attribute__((noinline, unused)) void myofin_dot_by_1(const int8_t *w, const int32_t *bias,
                                                              const int8_t *x, uint32_t blocks,
                                                              uint32_t quads, int32_t *sums) {
    myofin_dot_turns_3(w, bias, x, blocks, quads, sums, 1);
}

static __attribute__((noinline, unused)) void myofin_dot_by_2(const int8_t *w, const int32_t *bias,
                                                              const int8_t *x, uint32_t blocks,
                                                              uint32_t quads, int32_t *sums) {
    myofin_dot_turns_3(w, bias, x, blocks / 2u, quads, sums, 2);
}

static __attribute__((noinline, unused)) void myofin_dot_by_3(const int8_t *w, const int32_t *bias,
                                                              const int8_t *x, uint32_t blocks,
                                                              uint32_t quads, int32_t *sums) {
    myofin_dot_turns_3(w, bias, x, blocks / 3u, quads, sums, 3);
}

/*
 * sums[3][8] = bias + quads (at most two) at w times x, three steps of x as [blocks][step][16]. Two
 * rows and three steps at a time: six sums, 11 instructions for 96 products.
 */
MYOFIN_INLINE void myofin_dot_steps_3(const int8_t *w, const int32_t *bias, const int8_t *x,
                                      uint32_t blocks, uint32_t quads, int32_t *sums) {
    if ((blocks % 3u) == 0u) {
        myofin_dot_by_3(w, bias, x, blocks, quads, sums);
    } else if ((blocks % 2u) == 0u) {
        myofin_dot_by_2(w, bias, x, blocks, quads, sums);
    } else {
        myofin_dot_by_1(w, bias, x, blocks, quads, sums);
    }
}

#endif
#endif
