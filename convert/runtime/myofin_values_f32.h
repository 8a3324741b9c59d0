/* What changes each value by itself, and the mean over an axis, on float. */
#ifndef MYOFIN_VALUES_F32_H
#define MYOFIN_VALUES_F32_H

#include <stdint.h>

typedef struct {
    float low; /* clamp of the outputs */
    float high;
} myofin_rescale_f32_t;

/* y[count] = x, clamped; x and y may be the same. */
void myofin_rescale_f32(const myofin_rescale_f32_t *layer, uint32_t count, const float *x,
                        float *y);

typedef struct {
    uint32_t count; /* values of one mean */
    uint32_t inner; /* means side by side */
} myofin_average_f32_t;

/* y[outer][inner] = mean of x[outer][count][inner]; x and y must not overlap. */
void myofin_average_f32(const myofin_average_f32_t *layer, uint32_t outer, const float *x,
                        float *y);

#endif
