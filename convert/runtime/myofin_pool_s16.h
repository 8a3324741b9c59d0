/* Embedding of codes through a table, and pooling over the samples of a frame, on int16. */
#ifndef MYOFIN_POOL_S16_H
#define MYOFIN_POOL_S16_H

#include <stdint.h>

typedef struct {
    uint32_t width;       /* embedding values of one code */
    const int16_t *table; /* [width / 2, rounded up][code + 128][2], at a word */
    uint32_t count;       /* samples that are pooled, at most 256 */
    uint32_t stride;      /* codes from one sample to the next */
} myofin_pool_s16_t;

/*
 * Over the samples: mean[width], rounded to nearest, a half away from zero; and maximum[width].
 * Either may be NULL.
 */
void myofin_pool_s16(const myofin_pool_s16_t *pool, const int8_t *codes, int16_t *mean,
                     int16_t *maximum);

/* A frame of several hops is joined from the poolings of its hops, [hop][...][width]. */
typedef struct {
    uint32_t width;
    uint32_t hops;
    uint32_t hop_values; /* values from one hop to the next */
    int32_t count;       /* samples of the whole frame, at most 256 */
} myofin_hops_s16_t;

/* sums[width] and maxima[width] over the first `count` samples. */
void myofin_pool_s16_hop(const myofin_pool_s16_t *pool, const int8_t *codes, uint32_t count,
                         int32_t *sums, int16_t *maxima);

/* What myofin_pool_s16 gives for the whole frame; the hops may be in any order. */
void myofin_pool_s16_join(const myofin_hops_s16_t *frame, const int32_t *sums,
                          const int16_t *maxima, int16_t *mean, int16_t *maximum);

/* y[count][width]: the embedding of every sample, without pooling. */
void myofin_embed_s16(const myofin_pool_s16_t *pool, const int8_t *codes, int16_t *y);

#endif
