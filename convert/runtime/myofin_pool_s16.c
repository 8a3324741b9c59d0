#include "myofin_pool_s16.h"

#define GROUP 2u
#define VALUE_T int16_t
#define VALUE_MIN INT16_MIN
#define SUM_T int32_t
#define POOL_T myofin_pool_s16_t
#define HOPS_T myofin_hops_s16_t
#define POOL_WINDOW myofin_pool_s16
#define POOL_HOP myofin_pool_s16_hop
#define POOL_JOIN myofin_pool_s16_join
#define EMBED myofin_embed_s16

#include "myofin_pool_shared.h"

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

#endif
