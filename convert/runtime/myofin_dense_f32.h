/* Fully connected layer, and addition of a constant vector, on float. */
#ifndef MYOFIN_DENSE_F32_H
#define MYOFIN_DENSE_F32_H

#include <stdint.h>

typedef struct {
    uint32_t inputs;
    uint32_t outputs;
    const float *weights; /* [outputs][inputs] */
    const float *bias;    /* [outputs] */
    float low;            /* clamp of the outputs: the activation's bounds */
    float high;
} myofin_dense_f32_t;

/* y[rows][outputs] = activation(x[rows][inputs] * weights^T + bias); x and y must not overlap. */
void myofin_dense_f32(const myofin_dense_f32_t *layer, uint32_t rows, const float *x, float *y);

typedef struct {
    uint32_t count;
    const float *constants; /* [count] */
    float low;
    float high;
} myofin_add_f32_t;

/* y[rows][count] = x + constants. */
void myofin_add_f32(const myofin_add_f32_t *layer, uint32_t rows, const float *x, float *y);

#endif
