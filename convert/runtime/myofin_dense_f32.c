#include "myofin_dense_f32.h"

static float clamp(float value, float low, float high) {
    const float raised = (value < low) ? low : value;
    return (raised > high) ? high : raised;
}

void myofin_dense_f32(const myofin_dense_f32_t *layer, uint32_t rows, const float *x, float *y) {
    for (uint32_t row = 0; row < rows; row++) {
        const float *input = x + (row * layer->inputs);
        float *output = y + (row * layer->outputs);
        for (uint32_t i = 0; i < layer->outputs; i++) {
            const float *weights = layer->weights + (i * layer->inputs);
            float sum = 0.0f;
            for (uint32_t k = 0; k < layer->inputs; k++) {
                sum += input[k] * weights[k];
            }
            output[i] = clamp(sum + layer->bias[i], layer->low, layer->high);
        }
    }
}

void myofin_add_f32(const myofin_add_f32_t *layer, uint32_t rows, const float *x, float *y) {
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < layer->count; i++) {
            const uint32_t at = (row * layer->count) + i;
            y[at] = clamp(x[at] + layer->constants[i], layer->low, layer->high);
        }
    }
}
