#include "myofin_pool_s8.h"

static const int8_t *row_of(const myofin_pool_s8_t *pool, uint32_t value) {
    return pool->table + (value * MYOFIN_CODE_VALUES) + MYOFIN_CODE_OFFSET;
}

void myofin_mean_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *mean) {
    const int32_t count = (int32_t)pool->count;
    const int32_t half = count / 2;
    for (uint32_t i = 0; i < pool->width; i++) {
        const int8_t *row = row_of(pool, i);
        int32_t sum = 0;
        for (uint32_t k = 0; k < pool->count; k++) {
            sum += row[codes[k * pool->stride]];
        }
        mean[i] = (int8_t)(((sum > 0) ? (sum + half) : (sum - half)) / count);
    }
}

void myofin_max_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *maximum) {
    for (uint32_t i = 0; i < pool->width; i++) {
        const int8_t *row = row_of(pool, i);
        int8_t largest = row[codes[0]];
        for (uint32_t k = 1; k < pool->count; k++) {
            const int8_t value = row[codes[k * pool->stride]];
            largest = (value > largest) ? value : largest;
        }
        maximum[i] = largest;
    }
}

void myofin_embed_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *y) {
    for (uint32_t k = 0; k < pool->count; k++) {
        for (uint32_t i = 0; i < pool->width; i++) {
            y[(k * pool->width) + i] = row_of(pool, i)[codes[k * pool->stride]];
        }
    }
}
