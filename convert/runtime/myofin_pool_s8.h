/* Embedding of codes through a table, and pooling over the samples of a frame, on int8. */
#ifndef MYOFIN_POOL_S8_H
#define MYOFIN_POOL_S8_H

#include <stdint.h>

typedef struct {
    uint32_t width;      /* embedding values of one code */
    const int8_t *table; /* [width / 4, rounded up][code + 128][4], at a word */
    uint32_t count;      /* samples that are pooled, at most 256 */
    uint32_t stride;     /* codes from one sample to the next */
} myofin_pool_s8_t;

/*
 * Over the samples: mean[width], rounded to nearest, a half away from zero; and maximum[width].
 * Either may be NULL.
 */
void myofin_pool_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *mean,
                    int8_t *maximum);

/* A frame of several hops is joined from the poolings of its hops, [hop][...][width]. */
typedef struct {
    uint32_t width;
    uint32_t hops;
    uint32_t hop_values; /* values from one hop to the next */
    int32_t count;       /* samples of the whole frame, at most 256 */
} myofin_hops_s8_t;

/* sums[width] and maxima[width] over the first `count` samples. */
void myofin_pool_s8_hop(const myofin_pool_s8_t *pool, const int8_t *codes, uint32_t count,
                        int16_t *sums, int8_t *maxima);

/* What myofin_pool_s8 gives for the whole frame; the hops may be in any order. */
void myofin_pool_s8_join(const myofin_hops_s8_t *frame, const int16_t *sums, const int8_t *maxima,
                         int8_t *mean, int8_t *maximum);

/* y[count][width]: the embedding of every sample, without pooling. */
void myofin_embed_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *y);

#endif
