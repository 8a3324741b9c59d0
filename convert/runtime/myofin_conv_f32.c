#include "myofin_conv_f32.h"

#include <stddef.h>

#define CODE_SCALE (1.0f / 128.0f)

static void apply(const myofin_conv_layer_f32_t *layer, const float *x, float *y) {
    for (uint32_t i = 0; i < layer->outputs; i++) {
        const float *w = layer->weights + (i * layer->inputs);
        float sum = 0.0f;
        for (uint32_t k = 0; k < layer->inputs; k++) {
            sum += x[k] * w[k];
        }
        sum += layer->bias[i];
        sum = (sum < layer->low) ? layer->low : sum;
        y[i] = (sum > layer->high) ? layer->high : sum;
    }
}

/* The outputs for the samples that begin at `codes`. */
static const float *embed(const myofin_conv_f32_t *conv, const int8_t *codes, float *values) {
    float x[MYOFIN_CONV_TAPS];
    for (uint32_t tap = 0; tap < MYOFIN_CONV_TAPS; tap++) {
        x[tap] = (float)codes[tap * conv->stride] * CODE_SCALE;
    }
    apply(&conv->first, x, values);
    if (conv->second.outputs == 0u) {
        return values;
    }
    apply(&conv->second, values, values + conv->first.outputs);
    return values + conv->first.outputs;
}

static void add(const float *y, uint32_t width, float *sums) {
    for (uint32_t i = 0; i < width; i++) {
        sums[i] += y[i];
    }
}

static void keep_larger(const float *y, uint32_t width, float *maxima) {
    for (uint32_t i = 0; i < width; i++) {
        maxima[i] = (y[i] > maxima[i]) ? y[i] : maxima[i];
    }
}

static void fill(float *y, uint32_t width, float value) {
    for (uint32_t i = 0; i < width; i++) {
        y[i] = value;
    }
}

void myofin_conv_f32(const myofin_conv_f32_t *conv, const int8_t *codes, float *values, float *mean,
                     float *maximum) {
    const myofin_conv_layer_f32_t *last =
        (conv->second.outputs == 0u) ? &conv->first : &conv->second;
    const uint32_t width = last->outputs;
    if (mean != NULL) {
        fill(mean, width, 0.0f);
    }
    if (maximum != NULL) {
        fill(maximum, width, last->low); /* no output is lower */
    }
    for (uint32_t k = 0; k < conv->count; k++) {
        const float *y = embed(conv, codes + (k * conv->stride), values);
        if (mean != NULL) {
            add(y, width, mean);
        }
        if (maximum != NULL) {
            keep_larger(y, width, maximum);
        }
    }
    for (uint32_t i = 0; (mean != NULL) && (i < width); i++) {
        mean[i] /= (float)conv->count;
    }
}
