/* Softmax of floats. */
#ifndef MYOFIN_SOFTMAX_F32_H
#define MYOFIN_SOFTMAX_F32_H

#include <stdint.h>

/* y[rows][depth] = exp(beta * x) over its sum, for each row of x; x and y may be the same. */
void myofin_softmax_f32(float beta, uint32_t rows, uint32_t depth, const float *x, float *y);

#endif
