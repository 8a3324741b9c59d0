/*
 * What pooling on int8 and on int16 share, for myofin_pool_s8.c and myofin_pool_s16.c. They say
 *
 *   VALUE_T, VALUE_MIN                       the type of a value, and its lowest
 *   SUM_T                                    the type of a sum over one hop
 *   GROUP                                    values in one word of the table
 *   POOL_T, HOPS_T                           the structs
 *   POOL_WINDOW, POOL_HOP, POOL_JOIN, EMBED  names of the functions
 *
 * and define pool_group, in this file's terms, where the core has instructions for it.
 */
#include <stddef.h>

#define CODES 256u
#define CODE_OFFSET 128u /* a code of -128 has the first row */

typedef struct {
    int32_t sums[GROUP];
    int32_t maxima[GROUP];
} pooled_t;

/* Sums and maxima of one group of values over `count` samples; `table` is at the row of code 0. */
#if defined(__ARM_FEATURE_DSP)

static void pool_group(const VALUE_T *table, const int8_t *codes, uint32_t count, uint32_t stride,
                       pooled_t *pooled);

#else

static void pool_group(const VALUE_T *table, const int8_t *codes, uint32_t count, uint32_t stride,
                       pooled_t *pooled) {
    for (uint32_t i = 0; i < GROUP; i++) {
        int32_t sum = 0;
        int32_t maximum = VALUE_MIN;
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
static const VALUE_T *group_of(const POOL_T *pool, uint32_t value) {
    return pool->table + ((value / GROUP) * GROUP * CODES) + (GROUP * CODE_OFFSET);
}

/* Rounded to nearest, a half away from zero. */
static VALUE_T mean_of(int32_t sum, int32_t count) {
    const int32_t half = count / 2;
    return (VALUE_T)((sum + ((sum > 0) ? half : -half)) / count);
}

void POOL_WINDOW(const POOL_T *pool, const int8_t *codes, VALUE_T *mean, VALUE_T *maximum) {
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
            maximum[value] = (VALUE_T)pooled.maxima[i];
        }
    }
}

void POOL_HOP(const POOL_T *pool, const int8_t *codes, uint32_t count, SUM_T *sums,
              VALUE_T *maxima) {
    pooled_t pooled;
    for (uint32_t value = 0; value < pool->width; value++) {
        const uint32_t i = value % GROUP;
        if (i == 0u) {
            pool_group(group_of(pool, value), codes, count, pool->stride, &pooled);
        }
        sums[value] = (SUM_T)pooled.sums[i];
        maxima[value] = (VALUE_T)pooled.maxima[i];
    }
}

void POOL_JOIN(const HOPS_T *frame, const SUM_T *sums, const VALUE_T *maxima, VALUE_T *mean,
               VALUE_T *maximum) {
    for (uint32_t value = 0; value < frame->width; value++) {
        int32_t sum = 0;
        VALUE_T largest = VALUE_MIN;
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

void EMBED(const POOL_T *pool, const int8_t *codes, VALUE_T *y) {
    for (uint32_t k = 0; k < pool->count; k++) {
        const int32_t row = (int32_t)GROUP * codes[k * pool->stride];
        for (uint32_t value = 0; value < pool->width; value++) {
            y[(k * pool->width) + value] = group_of(pool, value)[row + (int32_t)(value % GROUP)];
        }
    }
}
