#include "myofin_softmax_f32.h"

#include <math.h>

static void softmax_row(float beta, uint32_t depth, const float *x, float *y) {
    float largest = x[0];
    for (uint32_t i = 1; i < depth; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    float sum = 0.0f;
    for (uint32_t i = 0; i < depth; i++) {
        y[i] = expf((x[i] - largest) * beta);
        sum += y[i];
    }
    for (uint32_t i = 0; i < depth; i++) {
        y[i] /= sum;
    }
}

void myofin_softmax_f32(float beta, uint32_t rows, uint32_t depth, const float *x, float *y) {
    for (uint32_t row = 0; row < rows; row++) {
        softmax_row(beta, depth, x + (row * depth), y + (row * depth));
    }
}
