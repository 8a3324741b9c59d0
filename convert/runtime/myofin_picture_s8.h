/*
 * Convolution of pictures of int8 values, strided and padded, plain and depthwise alike, with the
 * bits of TensorFlow Lite Micro's reference kernels. Written to be small, not fast.
 */
#ifndef MYOFIN_PICTURE_S8_H
#define MYOFIN_PICTURE_S8_H

#include "myofin_fixed.h"

typedef struct {
    uint32_t height; /* of the input, with `depth` values a place */
    uint32_t width;
    uint32_t depth;
    uint32_t rows; /* of the output, with `outputs` values a place */
    uint32_t columns;
    uint32_t outputs;
    uint32_t taps_down;
    uint32_t taps_right;
    uint32_t stride_down;
    uint32_t stride_right;
    uint32_t pad_top;
    uint32_t pad_left;
    uint32_t taken;   /* values of a place that each output takes: all, or 1 where depthwise */
    uint32_t fan_out; /* outputs of each input value where depthwise; else `outputs` */
    int32_t input_zero_point;
    const int8_t *weights;        /* [output][tap down][tap right][taken] */
    const int32_t *bias;          /* [output] */
    const myofin_scale_t *scales; /* [output] */
    int32_t zero_point;
    int32_t low; /* clamp of the outputs */
    int32_t high;
} myofin_picture_s8_t;

/* y[pictures][rows][columns][outputs] of x[pictures][height][width][depth]; they must not overlap.
 */
void myofin_picture_s8(const myofin_picture_s8_t *layer, uint32_t pictures, const int8_t *x,
                       int8_t *y);

#endif
