/* What changes each value by itself, and the mean over an axis, on int8. */
#ifndef MYOFIN_VALUES_S8_H
#define MYOFIN_VALUES_S8_H

#include "myofin_fixed.h"

typedef struct {
    int32_t input_zero_point;
    myofin_scale_t scale;
    int32_t zero_point;
    int32_t low; /* clamp of the outputs */
    int32_t high;
} myofin_rescale_s8_t;

/* y[count] = x in another scale; x and y may be the same. */
void myofin_rescale_s8(const myofin_rescale_s8_t *layer, uint32_t count, const int8_t *x,
                       int8_t *y);

typedef struct {
    uint32_t count;       /* values of one mean */
    uint32_t inner;       /* means side by side */
    int32_t offset;       /* -count * zero point of the input */
    myofin_scale_t scale; /* divided by count */
    int32_t zero_point;
} myofin_average_s8_t;

/* y[outer][inner] = mean of x[outer][count][inner]; x and y must not overlap. */
void myofin_average_s8(const myofin_average_s8_t *layer, uint32_t outer, const int8_t *x,
                       int8_t *y);

#endif
