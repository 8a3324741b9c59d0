/* Rescaling, sigmoid and tanh of eight values for Helium (MVE), with the bits of the scalar ones.
 */
#ifndef MYOFIN_ACTIVATIONS_MVE_S16_H
#define MYOFIN_ACTIVATIONS_MVE_S16_H

#include "myofin_activations_s16.h"
#include "myofin_fixed.h"

#if MYOFIN_MVE

#include <arm_mve.h>

/*
 * Assembly, since gcc 12 otherwise interleaves these until it has to spill half of the vectors.
 * The numbers of shifts in it are named where the scalar functions have them.
 */

/* Four values shifted left and multiplied: no right shift, so no second rounding. */
MYOFIN_INLINE int32x4_t myofin_raise_4(int32x4_t values, myofin_scale_t scale) {
    return vqrdmulhq_n_s32(vshlq_r_s32(values, scale.shift), scale.multiplier);
}

/*
 * myofin_rescale of the values of even and of odd lanes, saturated to int16. The sign is added to
 * the product, which VQRDMLAH rounds; the last shift adds a half.
 */
MYOFIN_INLINE int16x8_t myofin_rescale_8(int32x4_t even, int32x4_t odd, myofin_scale_t scale) {
    int16x8_t result;
    if (scale.shift >= 0) {
        result = vreinterpretq_s16_s32(myofin_raise_4(even, scale));
        result = vqmovnbq_s32(result, vreinterpretq_s32_s16(result));
        return vqmovntq_s32(result, myofin_raise_4(odd, scale));
    }
    __asm__("vshr.s32 %q[result], %q[even], #31\n"
            "vqrdmlah.s32 %q[result], %q[even], %[multiplier]\n"
            "vshr.s32 %q[even], %q[odd], #31\n"
            "vqrdmlah.s32 %q[even], %q[odd], %[multiplier]\n"
            : [result] "=&w"(result), [even] "+&w"(even)
            : [odd] "w"(odd), [multiplier] "r"(scale.multiplier));
    if (__builtin_constant_p(scale.shift) && (scale.shift >= -16)) {
        __asm__("vqrshrnb.s32 %q[result], %q[result], %[right]\n"
                "vqrshrnt.s32 %q[result], %q[even], %[right]\n"
                : [result] "+&w"(result)
                : [even] "w"(even), [right] "i"(-scale.shift));
    } else {
        __asm__("vrshl.s32 %q[result], %[shift]\n"
                "vrshl.s32 %q[even], %[shift]\n"
                "vqmovnb.s32 %q[result], %q[result]\n"
                "vqmovnt.s32 %q[result], %q[even]\n"
                : [result] "+&w"(result), [even] "+&w"(even)
                : [shift] "r"(scale.shift));
    }
    return result;
}

/* The table's entry + slope * argument, at `argument`; `entry` is lost. */
#define MYOFIN_INTERPOLATE(argument)                                                               \
    "vldrw.u32 %q[value], [%[base], %q[entry], uxtw #2]\n"                                         \
    "vldrh.u32 %q[slope], [%[slopes], %q[entry], uxtw #1]\n"                                       \
    "vmul.i32 %q[slope], %q[slope], %q[" argument "]\n"                                            \
    "vadd.i32 %q[value], %q[value], %q[slope]\n"

/* As myofin_sigmoid_s16. */
MYOFIN_INLINE int16x8_t myofin_sigmoid_8(int16x8_t x) {
    int32x4_t odd;
    int32x4_t entry;
    int32x4_t value;
    int32x4_t slope;
    __asm__("vmullt.s16 %q[odd], %q[x], %q[three]\n"
            "vmullb.s16 %q[x], %q[x], %q[three]\n"
            "vshr.s32 %q[entry], %q[x], #9\n" MYOFIN_INTERPOLATE(
                "x") "vshrnb.i32 %q[x], %q[value], #10\n"
                     "vshr.s32 %q[entry], %q[odd], #9\n" MYOFIN_INTERPOLATE(
                         "odd") "vshrnt.i32 %q[x], %q[value], #10\n"
            : [x] "+&w"(x), [odd] "=&w"(odd), [entry] "=&w"(entry), [value] "=&w"(value),
              [slope] "=&w"(slope)
            : [three] "w"(vdupq_n_s16(3)), [base] "r"(&myofin_sigmoid_base[MYOFIN_SIGMOID_ZERO]),
              [slopes] "r"(&myofin_sigmoid_slope[MYOFIN_SIGMOID_ZERO]));
    return x;
}

/*
 * As myofin_tanh_s16, with twice its argument, so that no table entry is halved: saturated to 18
 * bits by the shift to the left, and rounded up instead of down by the last one.
 */
MYOFIN_INLINE int16x8_t myofin_tanh_8(int16x8_t x, myofin_tanh_input_t input) {
    const bool doubled = (input.shift == 0) && (input.factor <= (INT16_MAX / 2));
    const int16x8_t factor = vdupq_n_s16((int16_t)(doubled ? (2 * input.factor) : input.factor));
    int32x4_t even = vmullbq_int_s16(x, factor);
    int32x4_t odd = vmulltq_int_s16(x, factor);
    int32x4_t entry;
    int32x4_t value;
    int32x4_t slope;
    if (!doubled) {
        even = vshlq_n_s32(vrshlq_n_s32(even, -input.shift), 1);
        odd = vshlq_n_s32(vrshlq_n_s32(odd, -input.shift), 1);
    }
    __asm__("vqshl.s32 %q[entry], %q[even], #14\n"
            "vshr.s32 %q[entry], %q[entry], #23\n" MYOFIN_INTERPOLATE(
                "even") "vrshrnb.i32 %q[even], %q[value], #9\n"
                        "vqshl.s32 %q[entry], %q[odd], #14\n"
                        "vshr.s32 %q[entry], %q[entry], #23\n" MYOFIN_INTERPOLATE(
                            "odd") "vrshrnt.i32 %q[even], %q[value], #9\n"
            : [even] "+&w"(even), [entry] "=&w"(entry), [value] "=&w"(value), [slope] "=&w"(slope)
            : [odd] "w"(odd), [base] "r"(&myofin_sigmoid_base[MYOFIN_SIGMOID_ZERO]),
              [slopes] "r"(&myofin_sigmoid_slope[MYOFIN_SIGMOID_ZERO]));
    return vaddq_n_s16(vreinterpretq_s16_s32(even), INT16_MAX);
}

#endif
#endif
