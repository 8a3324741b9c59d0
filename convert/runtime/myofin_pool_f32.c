#include "myofin_pool_f32.h"

static const float *row_of(const myofin_pool_f32_t *pool, uint32_t value) {
    return pool->table + (value * MYOFIN_CODE_VALUES) + MYOFIN_CODE_OFFSET;
}

void myofin_mean_f32(const myofin_pool_f32_t *pool, const int8_t *codes, float *mean) {
    for (uint32_t i = 0; i < pool->width; i++) {
        const float *row = row_of(pool, i);
        float sum = 0.0f;
        for (uint32_t k = 0; k < pool->count; k++) {
            sum += row[codes[k * pool->stride]];
        }
        mean[i] = sum / (float)pool->count;
    }
}

void myofin_max_f32(const myofin_pool_f32_t *pool, const int8_t *codes, float *maximum) {
    for (uint32_t i = 0; i < pool->width; i++) {
        const float *row = row_of(pool, i);
        float largest = row[codes[0]];
        for (uint32_t k = 1; k < pool->count; k++) {
            const float value = row[codes[k * pool->stride]];
            largest = (value > largest) ? value : largest;
        }
        maximum[i] = largest;
    }
}

void myofin_embed_f32(const myofin_pool_f32_t *pool, const int8_t *codes, float *y) {
    for (uint32_t k = 0; k < pool->count; k++) {
        for (uint32_t i = 0; i < pool->width; i++) {
            y[(k * pool->width) + i] = row_of(pool, i)[codes[k * pool->stride]];
        }
    }
}
