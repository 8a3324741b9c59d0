/* Fully connected layer, and addition of a constant vector, on int16 values with int8 weights. */
#ifndef MYOFIN_DENSE_S16_H
#define MYOFIN_DENSE_S16_H

#include "myofin_fixed_s16.h"

typedef struct {
    uint32_t inputs;
    uint32_t outputs;
    const int8_t *weights;             /* [outputs][inputs] */
    const int64_t *bias;               /* [outputs] */
    const myofin_scale_once_t *scales; /* [outputs], or one for all */
    uint32_t scale_stride;             /* 1: a scale for each output; 0: one for all */
    int32_t low;                       /* clamp of the outputs: the activation's bounds */
    int32_t high;
} myofin_dense_s16_t;

/* y[rows][outputs] = activation(x[rows][inputs] * weights^T + bias); x and y must not overlap. */
void myofin_dense_s16(const myofin_dense_s16_t *layer, uint32_t rows, const int16_t *x, int16_t *y);

typedef struct {
    uint32_t count;
    const int32_t *constants; /* [count], brought to the common scale of the sum */
    myofin_scale_t input_scale;
    myofin_scale_t output_scale;
    int32_t low;
    int32_t high;
} myofin_add_s16_t;

/* y[rows][count] = x + constants, in the output's scale. */
void myofin_add_s16(const myofin_add_s16_t *layer, uint32_t rows, const int16_t *x, int16_t *y);

#endif
