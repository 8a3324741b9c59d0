/* Embedding of codes through a table, and pooling over the samples of a frame, on float. */
#ifndef MYOFIN_POOL_F32_H
#define MYOFIN_POOL_F32_H

#include <stdint.h>

#define MYOFIN_CODE_VALUES 256u
#define MYOFIN_CODE_OFFSET 128

typedef struct {
    uint32_t width;     /* embedding values of one code */
    const float *table; /* [width][256], the row of one value indexed by code + 128 */
    uint32_t count;     /* samples that are pooled */
    uint32_t stride;    /* codes from one sample to the next */
} myofin_pool_f32_t;

/* mean[width] over the samples. */
void myofin_mean_f32(const myofin_pool_f32_t *pool, const int8_t *codes, float *mean);

/* maximum[width] over the samples. */
void myofin_max_f32(const myofin_pool_f32_t *pool, const int8_t *codes, float *maximum);

/* y[count][width]: the embedding of every sample, without pooling. */
void myofin_embed_f32(const myofin_pool_f32_t *pool, const int8_t *codes, float *y);

#endif
