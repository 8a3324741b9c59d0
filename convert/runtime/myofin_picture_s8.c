#include "myofin_picture_s8.h"

/* Taps inside the picture, of those that begin at `start`: outside there is nothing, which is not
 * the same as a value of 0 there. The generator's paddings leave at least one inside. */
typedef struct {
    uint32_t first;
    uint32_t end;
} taps_t;

static taps_t taps_inside(int32_t start, uint32_t taps, uint32_t size) {
    const int32_t left = (int32_t)size - start;
    const taps_t found = {(start < 0) ? (uint32_t)(-start) : 0u,
                          (left < (int32_t)taps) ? (uint32_t)left : taps};
    return found;
}

/* The sum of one output at the place whose first tap is at (top, left). */
static int32_t place_sum(const myofin_picture_s8_t *layer, int32_t top, int32_t left,
                         uint32_t output, const int8_t *x) {
    const taps_t down = taps_inside(top, layer->taps_down, layer->height);
    const taps_t right = taps_inside(left, layer->taps_right, layer->width);
    const uint32_t taken = layer->taken;
    const uint32_t channel = (output / layer->fan_out) * taken;
    const uint32_t column = (uint32_t)(left + (int32_t)right.first);
    const int32_t zero_point = layer->input_zero_point;
    int32_t sum = layer->bias[output];
    for (uint32_t tap = down.first; tap < down.end; tap++) {
        const uint32_t row = (uint32_t)(top + (int32_t)tap);
        const uint32_t line = (output * layer->taps_down) + tap;
        const int8_t *values = x + (((row * layer->width) + column) * layer->depth) + channel;
        const int8_t *weights =
            layer->weights + (((line * layer->taps_right) + right.first) * taken);
        for (uint32_t place = right.first; place < right.end; place++) {
            for (uint32_t i = 0; i < taken; i++) {
                sum += (values[i] - zero_point) * weights[i];
            }
            values += layer->depth;
            weights += taken;
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
