/* Softmax of int8 values with the arithmetic of TensorFlow Lite Micro's reference kernel. */
#ifndef MYOFIN_SOFTMAX_S8_H
#define MYOFIN_SOFTMAX_S8_H

#include <stdint.h>

/*
 * y[rows][depth] of x[rows][depth], in steps of 1/256 from -128 on; x and y may be the same.
 * exponentials[256]: exp of minus the distance to the largest value of a row, 31 fractional bits,
 * 0 for what is too far away to count. The generator has checked that depth < 4096.
 */
void myofin_softmax_s8(const int32_t *exponentials, uint32_t rows, uint32_t depth, const int8_t *x,
                       int8_t *y);

#endif
