#include "myofin_pool_s8.h"

#include <stddef.h>

#define GROUP 4u           /* values in one word of the table */
#define CODE_OFFSET 128    /* a code of -128 has the first row */
#define GROUP_BYTES 0x400u /* of one group: 256 rows */

typedef struct {
    int32_t sums[GROUP];
    int32_t maxima[GROUP];
} pooled_t;

#if defined(__ARM_FEATURE_DSP)

/*
 * Four values at a time: bytes 0 and 2, and 1 and 3, are summed in halfwords, which 256 samples
 * cannot overflow; SSUB8 sets the flags by which SEL takes the larger of each pair of bytes.
 */
static void pool_group(const int8_t *table, const int8_t *codes, uint32_t count, uint32_t stride,
                       pooled_t *pooled) {
    uint32_t even = 0;
    uint32_t odd = 0;
    uint32_t maxima = 0x80808080u;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t row;
        uint32_t difference;
        __builtin_memcpy(&row, table + ((int32_t)GROUP * *codes), sizeof(row));
        codes += stride;
        __asm__("sxtab16 %0, %0, %1" : "+r"(even) : "r"(row));
        __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(odd) : "r"(row));
        __asm__("ssub8 %0, %2, %1\n"
                "sel %1, %2, %1"
                : "=&r"(difference), "+r"(maxima)
                : "r"(row));
    }
    for (uint32_t i = 0; i < GROUP; i++) {
        const uint32_t halves = ((i & 1u) != 0u) ? odd : even;
        pooled->sums[i] = (int16_t)(uint16_t)(halves >> (16u * (i >> 1u)));
        pooled->maxima[i] = (int8_t)(uint8_t)(maxima >> (8u * i));
    }
}

#else

static void pool_group(const int8_t *table, const int8_t *codes, uint32_t count, uint32_t stride,
                       pooled_t *pooled) {
    for (uint32_t i = 0; i < GROUP; i++) {
        int32_t sum = 0;
        int32_t maximum = INT8_MIN;
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

/* The row of code 0 of a group. */
static const int8_t *group_of(const myofin_pool_s8_t *pool, uint32_t value) {
    return pool->table + ((value / GROUP) * GROUP_BYTES) + (GROUP * CODE_OFFSET);
}

/* Rounded to nearest, a half away from zero. */
static int8_t mean_of(int32_t sum, int32_t count) {
    const int32_t half = count / 2;
    return (int8_t)((sum + ((sum > 0) ? half : -half)) / count);
}

void myofin_pool_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *mean,
                    int8_t *maximum) {
    pooled_t pooled;
    for (uint32_t value = 0; value < pool->width; value++) {
        const uint32_t i = value % GROUP;
        if (i == 0u) {
            pool_group(group_of(pool, value), codes, pool->count, pool->stride, &pooled);
        }
        if (mean != NULL) {
            mean[value] = mean_of(pooled.sums[i], (int32_t)pool->count);
        }
        if (maximum != NULL) {
            maximum[value] = (int8_t)pooled.maxima[i];
        }
    }
}

void myofin_pool_s8_hop(const myofin_pool_s8_t *pool, const int8_t *codes, uint32_t count,
                        int16_t *sums, int8_t *maxima) {
    pooled_t pooled;
    for (uint32_t value = 0; value < pool->width; value++) {
        const uint32_t i = value % GROUP;
        if (i == 0u) {
            pool_group(group_of(pool, value), codes, count, pool->stride, &pooled);
        }
        sums[value] = (int16_t)pooled.sums[i];
        maxima[value] = (int8_t)pooled.maxima[i];
    }
}

void myofin_pool_s8_join(const myofin_hops_s8_t *frame, const int16_t *sums, const int8_t *maxima,
                         int8_t *mean, int8_t *maximum) {
    for (uint32_t value = 0; value < frame->width; value++) {
        int32_t sum = 0;
        int8_t largest = INT8_MIN;
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

void myofin_embed_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *y) {
    for (uint32_t k = 0; k < pool->count; k++) {
        const int32_t row = (int32_t)GROUP * codes[k * pool->stride];
        for (uint32_t value = 0; value < pool->width; value++) {
            y[(k * pool->width) + value] = group_of(pool, value)[row + (int32_t)(value % GROUP)];
        }
    }
}
