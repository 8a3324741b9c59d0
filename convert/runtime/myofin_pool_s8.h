/* Embedding of codes through a table, and pooling over the samples of a frame, on int8. */
#ifndef MYOFIN_POOL_S8_H
#define MYOFIN_POOL_S8_H

#include <stdint.h>

#define MYOFIN_CODE_VALUES 256u
#define MYOFIN_CODE_OFFSET 128

typedef struct {
    uint32_t width;      /* embedding values of one code */
    const int8_t *table; /* [width][256], the row of one value indexed by code + 128 */
    uint32_t count;      /* samples that are pooled */
    uint32_t stride;     /* codes from one sample to the next */
} myofin_pool_s8_t;

/* mean[width] over the samples, rounded to nearest, a half away from zero. */
void myofin_mean_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *mean);

/* maximum[width] over the samples. */
void myofin_max_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *maximum);

/* y[count][width]: the embedding of every sample, without pooling. */
void myofin_embed_s8(const myofin_pool_s8_t *pool, const int8_t *codes, int8_t *y);

#endif
