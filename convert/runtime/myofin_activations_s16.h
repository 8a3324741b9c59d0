/* Sigmoid and tanh on int16, by interpolation in one table. */
#ifndef MYOFIN_ACTIVATIONS_S16_H
#define MYOFIN_ACTIVATIONS_S16_H

#include <stdint.h>

/* How tanh brings its argument to 3 * 2^12 units of one: (x * factor + half) >> shift. */
typedef struct {
    int32_t factor;
    int32_t shift;
} myofin_tanh_input_t;

/* Argument in units of 2^-12, result in units of 2^-15. */
int16_t myofin_sigmoid_s16(int16_t x);

/* Argument in units that `input` describes, result in units of 2^-15. */
int16_t myofin_tanh_s16(int16_t x, const myofin_tanh_input_t *input);

#endif
