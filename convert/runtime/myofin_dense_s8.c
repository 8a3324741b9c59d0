#include "myofin_dense_s8.h"

void myofin_dense_s8(const myofin_dense_s8_t *layer, uint32_t rows, const int8_t *x, int8_t *y) {
    for (uint32_t row = 0; row < rows; row++) {
        const int8_t *input = x + (row * layer->inputs);
        int8_t *output = y + (row * layer->outputs);
        for (uint32_t i = 0; i < layer->outputs; i++) {
            const int8_t *weights = layer->weights + (i * layer->inputs);
            const int32_t sum = myofin_dot_s8(input, weights, layer->inputs) + layer->bias[i];
            const int32_t scaled = myofin_rescale(sum, layer->scales[i * layer->scale_stride]);
            output[i] = (int8_t)myofin_clamp(scaled + layer->zero_point, layer->low, layer->high);
        }
    }
}

/* Both operands are carried with 20 more bits than int8, in units of twice the coarser input scale.
 */
#define ADD_HEADROOM_FACTOR (INT32_C(1) << 20)

void myofin_add_s8(const myofin_add_s8_t *layer, uint32_t rows, const int8_t *x, int8_t *y) {
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < layer->count; i++) {
            const uint32_t at = (row * layer->count) + i;
            const int32_t wide = ((int32_t)x[at] - layer->input_zero_point) * ADD_HEADROOM_FACTOR;
            const int32_t sum = myofin_rescale(wide, layer->input_scale) + layer->constants[i];
            const int32_t scaled = myofin_rescale(sum, layer->output_scale) + layer->zero_point;
            y[at] = (int8_t)myofin_clamp(scaled, layer->low, layer->high);
        }
    }
}
