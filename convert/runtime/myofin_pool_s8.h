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

/* y[count][width]: the embedding of every sample, without pooling. */
void myofin_embed_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *y);

#endif
