/*
 * Embedding of three successive samples of one channel on float, pooled: a layer over the samples,
 * with or without a pointwise layer after it.
 */
#ifndef MYOFIN_CONV_F32_H
#define MYOFIN_CONV_F32_H

#include <stdint.h>

#define MYOFIN_CONV_TAPS 3u

typedef struct {
    uint32_t inputs;
    uint32_t outputs;
    const float *weights; /* [output][input] */
    const float *bias;
    float low;
    float high;
} myofin_conv_layer_f32_t;

typedef struct {
    myofin_conv_layer_f32_t first;
    myofin_conv_layer_f32_t second; /* without outputs: there is none */
    uint32_t count;                 /* outputs that are pooled */
    uint32_t stride;                /* codes from one sample to the next */
} myofin_conv_f32_t;

/*
 * Over the outputs: mean and maximum, of as many values as the last layer has; either may be NULL.
 * values[outputs of both layers] is scratch.
 */
void myofin_conv_f32(const myofin_conv_f32_t *conv, const int8_t *codes, float *values, float *mean,
                     float *maximum);

#endif
