#include "myofin_pool_s8.h"

#define GROUP 4u
#define VALUE_T int8_t
#define VALUE_MIN INT8_MIN
#define SUM_T int16_t
#define POOL_T myofin_pool_s8_t
#define HOPS_T myofin_hops_s8_t
#define POOL_WINDOW myofin_pool_s8
#define POOL_HOP myofin_pool_s8_hop
#define POOL_JOIN myofin_pool_s8_join
#define EMBED myofin_embed_s8

#include "myofin_pool_shared.h"

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

#endif
