#include "myofin_pool_s16.h"

#include <stddef.h>

#define GROUP 2u        /* values in one word of the table */
#define CODE_OFFSET 128 /* a code of -128 has the first row */
#define GROUP_SIZE 512u /* values of one group: 256 rows */

/* The row of code 0 of a group. */
static const int16_t *group_of(const myofin_pool_s16_t *pool, uint32_t value) {
    return pool->table + ((value / GROUP) * GROUP_SIZE) + (GROUP * CODE_OFFSET);
}

typedef struct {
    int32_t sums[GROUP];
    int32_t maxima[GROUP];
} pooled_t;

#if defined(__ARM_FEATURE_DSP)

/* A word holds two values: SSUB16 sets the flags by which SEL takes the larger of each. */
static void pool_group(const int16_t *table, const int8_t *codes, uint32_t count, uint32_t stride,
                       pooled_t *pooled) {
    int32_t low = 0;
    int32_t high = 0;
    uint32_t maxima = 0x80008000u;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t row;
        uint32_t difference;
        __builtin_memcpy(&row, table + ((int32_t)GROUP * *codes), sizeof(row));
        codes += stride;
        low += (int16_t)(uint16_t)row;
        high += (int32_t)row >> 16;
        __asm__("ssub16 %0, %2, %1\n"
                "sel %1, %2, %1"
                : "=&r"(difference), "+r"(maxima)
                : "r"(row));
    }
    *pooled =
        (pooled_t){{low, high}, {(int16_t)(uint16_t)maxima, (int16_t)(uint16_t)(maxima >> 16u)}};
}

#else

static void pool_group(const int16_t *table, const int8_t *codes, uint32_t count, uint32_t stride,
                       pooled_t *pooled) {
    for (uint32_t i = 0; i < GROUP; i++) {
        int32_t sum = 0;
        int32_t maximum = INT16_MIN;
        for (uint32_t k = 0; k < count; k++) {
            const int32_t value = table[((int32_t)GROUP * codes[k * stride]) + (int32_t)i];
            sum += value;
            maximum = (value > maximum) ? value : maximum;
        }
        pooled->sums[i] = sum;
        pooled->maxima[i] = maximum;
    }
}

#endif

/* Rounded to nearest, a half away from zero. */
static int16_t mean_of(int32_t sum, int32_t count) {
    const int32_t half = count / 2;
    return (int16_t)((sum + ((sum > 0) ? half : -half)) / count);
}

void myofin_pool_s16(const myofin_pool_s16_t *pool, const int8_t *codes, int16_t *mean,
                     int16_t *maximum) {
    pooled_t pooled = {{0, 0}, {0, 0}};
    for (uint32_t value = 0; value < pool->width; value++) {
        const uint32_t i = value % GROUP;
        if (i == 0u) {
            pool_group(group_of(pool, value), codes, pool->count, pool->stride, &pooled);
        }
        if (mean != NULL) {
            mean[value] = mean_of(pooled.sums[i], (int32_t)pool->count);
        }
        if (maximum != NULL) {
            maximum[value] = (int16_t)pooled.maxima[i];
        }
    }
}

void myofin_pool_s16_hop(const myofin_pool_s16_t *pool, const int8_t *codes, uint32_t count,
                         int32_t *sums, int16_t *maxima) {
    pooled_t pooled = {{0, 0}, {0, 0}};
    for (uint32_t value = 0; value < pool->width; value++) {
        const uint32_t i = value % GROUP;
        if (i == 0u) {
            pool_group(group_of(pool, value), codes, count, pool->stride, &pooled);
        }
        sums[value] = pooled.sums[i];
        maxima[value] = (int16_t)pooled.maxima[i];
    }
}

void myofin_pool_s16_join(const myofin_hops_s16_t *frame, const int32_t *sums,
                          const int16_t *maxima, int16_t *mean, int16_t *maximum) {
    for (uint32_t value = 0; value < frame->width; value++) {
        int32_t sum = 0;
        int16_t largest = INT16_MIN;
        for (uint32_t hop = 0; hop < frame->hops; hop++) {
            const uint32_t at = (hop * frame->hop_values) + value;
            sum += sums[at];
            largest = (maxima[at] > largest) ? maxima[at] : largest;
        }
        if (mean != NULL) {
            mean[value] = mean_of(sum, frame->count);
        }
        if (maximum != NULL) {
            maximum[value] = largest;
        }
    }
}

void myofin_embed_s16(const myofin_pool_s16_t *pool, const int8_t *codes, int16_t *y) {
    for (uint32_t k = 0; k < pool->count; k++) {
        const int32_t row = (int32_t)GROUP * codes[k * pool->stride];
        for (uint32_t value = 0; value < pool->width; value++) {
            y[(k * pool->width) + value] = group_of(pool, value)[row + (int32_t)(value % GROUP)];
        }
    }
}
