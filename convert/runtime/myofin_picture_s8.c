#include "myofin_picture_s8.h"

/* The sum of one output at the place whose first tap is at (top, left), which may lie outside. */
static int32_t place_sum(const myofin_picture_s8_t *layer, int32_t top, int32_t left,
                         uint32_t output, const int8_t *x) {
    const uint32_t first = (output / layer->fan_out) * layer->taken;
    const int8_t *weights =
        layer->weights + (output * layer->taps_down * layer->taps_right * layer->taken);
    int32_t sum = layer->bias[output];
    for (uint32_t down = 0; down < layer->taps_down; down++) {
        for (uint32_t right = 0; right < layer->taps_right; right++) {
            const int32_t row = top + (int32_t)down;
            const int32_t column = left + (int32_t)right;
            /* Outside there is nothing, which is not the same as a value of 0 there. */
            if ((row >= 0) && (row < (int32_t)layer->height) && (column >= 0) &&
                (column < (int32_t)layer->width)) {
                const uint32_t place = ((uint32_t)row * layer->width) + (uint32_t)column;
                const int8_t *values = x + (place * layer->depth) + first;
                for (uint32_t i = 0; i < layer->taken; i++) {
                    sum += (values[i] - layer->input_zero_point) * weights[i];
                }
            }
            weights += layer->taken;
        }
    }
    return sum;
}

static void place_outputs(const myofin_picture_s8_t *layer, int32_t top, int32_t left,
                          const int8_t *x, int8_t *y) {
    for (uint32_t output = 0; output < layer->outputs; output++) {
        const int32_t sum = place_sum(layer, top, left, output, x);
        const int32_t scaled = myofin_rescale(sum, layer->scales[output]) + layer->zero_point;
        y[output] = (int8_t)myofin_clamp(scaled, layer->low, layer->high);
    }
}

void myofin_picture_s8(const myofin_picture_s8_t *layer, uint32_t pictures, const int8_t *x,
                       int8_t *y) {
    for (uint32_t picture = 0; picture < pictures; picture++) {
        for (uint32_t row = 0; row < layer->rows; row++) {
            const int32_t top = (int32_t)(row * layer->stride_down) - (int32_t)layer->pad_top;
            for (uint32_t column = 0; column < layer->columns; column++) {
                const int32_t left =
                    (int32_t)(column * layer->stride_right) - (int32_t)layer->pad_left;
                place_outputs(layer, top, left, x, y);
                y += layer->outputs;
            }
        }
        x += layer->height * layer->width * layer->depth;
    }
}
