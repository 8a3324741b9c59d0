#include "myofin_values_s8.h"

void myofin_rescale_s8(const myofin_rescale_s8_t *layer, uint32_t count, const int8_t *x,
                       int8_t *y) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t scaled = myofin_rescale(x[i] - layer->input_zero_point, layer->scale);
        y[i] = (int8_t)myofin_clamp(scaled + layer->zero_point, layer->low, layer->high);
    }
}

void myofin_average_s8(const myofin_average_s8_t *layer, uint32_t outer, const int8_t *x,
                       int8_t *y) {
    for (uint32_t row = 0; row < outer; row++) {
        for (uint32_t i = 0; i < layer->inner; i++) {
            int32_t sum = layer->offset;
            for (uint32_t k = 0; k < layer->count; k++) {
                sum += x[(k * layer->inner) + i];
            }
            const int32_t mean = myofin_rescale(sum, layer->scale) + layer->zero_point;
            y[i] = (int8_t)myofin_clamp(mean, INT8_MIN, INT8_MAX);
        }
        x += layer->count * layer->inner;
        y += layer->inner;
    }
}
