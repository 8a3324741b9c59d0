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

/* y[count][width]: the embedding of every sample, without pooling. */
void myofin_embed_s16(const myofin_pool_s16_t *pool, const int8_t *codes, int16_t *y);

#endif
