#include "myofin_dense_s16.h"

/* The sum of so many products stays within int32: 512 * 127 * 32768 < 2^31. */
#define RUN 512u

static int32_t dot_run(const int8_t *weights, const int16_t *x, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (int32_t)weights[i] * (int32_t)x[i];
    }
    return sum;
}

static int64_t dot(const int8_t *weights, const int16_t *x, uint32_t count) {
    int64_t sum = 0;
    for (uint32_t done = 0; done < count; done += RUN) {
        const uint32_t left = count - done;
        sum += dot_run(weights + done, x + done, (left < RUN) ? left : RUN);
    }
    return sum;
}

void myofin_dense_s16(const myofin_dense_s16_t *layer, uint32_t rows, const int16_t *x,
                      int16_t *y) {
    for (uint32_t row = 0; row < rows; row++) {
        const int16_t *input = x + (row * layer->inputs);
        int16_t *output = y + (row * layer->outputs);
        for (uint32_t i = 0; i < layer->outputs; i++) {
            const int8_t *weights = layer->weights + (i * layer->inputs);
            const int64_t sum = dot(weights, input, layer->inputs) + layer->bias[i];
            const int32_t scaled = myofin_rescale_wide(sum, layer->scales[i * layer->scale_stride]);
            output[i] = (int16_t)myofin_clamp(scaled, layer->low, layer->high);
        }
    }
}

/* Both operands are carried with 15 more bits, in units of twice the coarser input scale. */
#define ADD_HEADROOM_FACTOR (INT32_C(1) << 15)

void myofin_add_s16(const myofin_add_s16_t *layer, uint32_t rows, const int16_t *x, int16_t *y) {
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < layer->count; i++) {
            const uint32_t at = (row * layer->count) + i;
            const int32_t wide = (int32_t)x[at] * ADD_HEADROOM_FACTOR;
            const int32_t sum = myofin_rescale(wide, layer->input_scale) + layer->constants[i];
            const int32_t scaled = myofin_rescale(sum, layer->output_scale);
            y[at] = (int16_t)myofin_clamp(scaled, layer->low, layer->high);
        }
    }
}
