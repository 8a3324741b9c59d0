/*
 * What changes each value by itself, and the mean over an axis. For int8 and int16 alike:
 * myofin_values_s8.h and myofin_values_s16.h include this file and say
 *
 *   MYOFIN_VALUE_T                  the type of a value
 *   MYOFIN_VALUE_MIN, _MAX          its range
 */
#ifndef MYOFIN_VALUES_SHARED_H
#define MYOFIN_VALUES_SHARED_H

#ifndef MYOFIN_VALUE_T
#error "Include myofin_values_s8.h or myofin_values_s16.h"
#endif

#include "myofin_fixed.h"

typedef struct {
    int32_t input_zero_point;
    myofin_scale_t scale;
    int32_t zero_point;
    int32_t low; /* clamp of the outputs */
    int32_t high;
} myofin_rescale_integer_t;

/* y[count] = x in another scale; x and y may be the same. */
static inline void myofin_rescale_integer(const myofin_rescale_integer_t *layer, uint32_t count,
                                          const MYOFIN_VALUE_T *x, MYOFIN_VALUE_T *y) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t scaled = myofin_rescale(x[i] - layer->input_zero_point, layer->scale);
        y[i] = (MYOFIN_VALUE_T)myofin_clamp(scaled + layer->zero_point, layer->low, layer->high);
    }
}

typedef struct {
    uint32_t count;       /* values of one mean; the generator has checked that sums fit */
    uint32_t inner;       /* means side by side */
    int32_t offset;       /* -count * zero point of the input */
    myofin_scale_t scale; /* divided by count */
    int32_t zero_point;
} myofin_average_integer_t;

/* y[outer][inner] = mean of x[outer][count][inner]; x and y must not overlap. */
static inline void myofin_average_integer(const myofin_average_integer_t *layer, uint32_t outer,
                                          const MYOFIN_VALUE_T *x, MYOFIN_VALUE_T *y) {
    for (uint32_t row = 0; row < outer; row++) {
        for (uint32_t i = 0; i < layer->inner; i++) {
            int32_t sum = layer->offset;
            for (uint32_t k = 0; k < layer->count; k++) {
                sum += x[(k * layer->inner) + i];
            }
            const int32_t mean = myofin_rescale(sum, layer->scale) + layer->zero_point;
            y[i] = (MYOFIN_VALUE_T)myofin_clamp(mean, MYOFIN_VALUE_MIN, MYOFIN_VALUE_MAX);
        }
        x += layer->count * layer->inner;
        y += layer->inner;
    }
}

#endif
