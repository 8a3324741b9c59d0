#include "myofin_values_f32.h"

void myofin_rescale_f32(const myofin_rescale_f32_t *layer, uint32_t count, const float *x,
                        float *y) {
    for (uint32_t i = 0; i < count; i++) {
        const float raised = (x[i] < layer->low) ? layer->low : x[i];
        y[i] = (raised > layer->high) ? layer->high : raised;
    }
}

void myofin_average_f32(const myofin_average_f32_t *layer, uint32_t outer, const float *x,
                        float *y) {
    for (uint32_t row = 0; row < outer; row++) {
        for (uint32_t i = 0; i < layer->inner; i++) {
            float sum = 0.0f;
            for (uint32_t k = 0; k < layer->count; k++) {
                sum += x[(k * layer->inner) + i];
            }
            y[i] = sum / (float)layer->count;
        }
        x += layer->count * layer->inner;
        y += layer->inner;
    }
}
