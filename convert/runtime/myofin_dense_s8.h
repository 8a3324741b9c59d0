/* Fully connected layer, and addition of a constant vector, on int8. */
#ifndef MYOFIN_DENSE_S8_H
#define MYOFIN_DENSE_S8_H

#include "myofin_fixed.h"

typedef struct {
    uint32_t inputs;
    uint32_t outputs;
    const int8_t *weights;        /* [outputs][inputs] */
    const int32_t *bias;          /* [outputs], the input's zero point folded in */
    const myofin_scale_t *scales; /* [outputs], or one for all */
    uint32_t scale_stride;        /* 1: a scale for each output; 0: one for all */
    int32_t zero_point;           /* of the outputs */
    int32_t low;                  /* clamp of the outputs: the activation's bounds */
    int32_t high;
} myofin_dense_s8_t;

/* y[rows][outputs] = activation(x[rows][inputs] * weights^T + bias); x and y must not overlap. */
void myofin_dense_s8(const myofin_dense_s8_t *layer, uint32_t rows, const int8_t *x, int8_t *y);

typedef struct {
    uint32_t count;
    const int32_t *constants; /* [count], brought to the common scale of the sum */
    int32_t input_zero_point;
    myofin_scale_t input_scale;
    myofin_scale_t output_scale;
    int32_t zero_point;
    int32_t low;
    int32_t high;
} myofin_add_s8_t;

/* y[rows][count] = x + constants, in the output's scale. */
void myofin_add_s8(const myofin_add_s8_t *layer, uint32_t rows, const int8_t *x, int8_t *y);

#endif
