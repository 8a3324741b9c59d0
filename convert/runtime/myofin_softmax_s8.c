#include "myofin_softmax_s8.h"

#include "myofin_fixed.h"

#define SUM_INTEGER_BITS 12u
#define FORTY_EIGHT_SEVENTEENTHS 1515870810 /* 29 fractional bits */
#define THIRTY_TWO_SEVENTEENTHS 1010580540
#define ONE_F2 (INT32_C(1) << 29)

/* a * b / 2^31, a half up. */
static int32_t product(int32_t a, int32_t b) {
    return (int32_t)((((int64_t)a * b) + (INT64_C(1) << 30)) >> 31);
}

/* value / 2^right, a half away from zero; right is 0 to 31. */
static int32_t divided(int32_t value, uint32_t right) {
    const int64_t half = (right > 0u) ? (INT64_C(1) << (right - 1u)) : 0;
    const int64_t magnitude = (value < 0) ? -(int64_t)value : (int64_t)value;
    const int32_t rounded = (int32_t)((magnitude + half) >> right);
    return (value < 0) ? -rounded : rounded;
}

/* value * 2^left, saturated. */
static int32_t multiplied(int32_t value, uint32_t left) {
    const int64_t wide = (int64_t)value * (INT64_C(1) << left);
    if (wide > INT32_MAX) {
        return INT32_MAX;
    }
    return (wide < INT32_MIN) ? INT32_MIN : (int32_t)wide;
}

/* 1 / (1 + x) for x in [0, 1), all with 31 fractional bits, by three steps of Newton's. */
static int32_t reciprocal_of_one_plus(int32_t x) {
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t found = FORTY_EIGHT_SEVENTEENTHS + product(half_denominator, -THIRTY_TWO_SEVENTEENTHS);
    for (uint32_t i = 0; i < 3u; i++) {
        const int32_t error = ONE_F2 - product(half_denominator, found);
        found += multiplied(product(found, error), 2u);
    }
    return multiplied(found, 1u);
}

static uint32_t leading_zeros(uint32_t value) {
    uint32_t zeros = 0;
    while ((zeros < 32u) && ((value & (UINT32_C(1) << (31u - zeros))) == 0u)) {
        zeros++;
    }
    return zeros;
}

static void softmax_row(const int32_t *exponentials, uint32_t depth, const int8_t *x, int8_t *y) {
    int32_t largest = INT8_MIN;
    for (uint32_t i = 0; i < depth; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    int32_t sum = 0; /* 19 fractional bits */
    for (uint32_t i = 0; i < depth; i++) {
        sum += divided(exponentials[largest - x[i]], SUM_INTEGER_BITS);
    }
    const uint32_t zeros = leading_zeros((uint32_t)sum);
    const int32_t above_one = (int32_t)(((uint32_t)sum << zeros) - (UINT32_C(1) << 31));
    const int32_t scale = reciprocal_of_one_plus(above_one);
    const uint32_t right = (SUM_INTEGER_BITS - zeros) + 31u - 8u;
    for (uint32_t i = 0; i < depth; i++) {
        const int32_t share = divided(product(scale, exponentials[largest - x[i]]), right);
        y[i] = (int8_t)myofin_clamp(share + INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

void myofin_softmax_s8(const int32_t *exponentials, uint32_t rows, uint32_t depth, const int8_t *x,
                       int8_t *y) {
    for (uint32_t row = 0; row < rows; row++) {
        softmax_row(exponentials, depth, x + (row * depth), y + (row * depth));
    }
}
