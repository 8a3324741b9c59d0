#include "myofin_features_s8.h"

#include <stddef.h>

#define LOG_BITS 15u
#define AFFINE_BITS 30u
#define MAX_SHIFT 31 /* a weight that is 2^-32 of the largest counts nothing */

/* 2^15 log2(1 + i / 128) */
static const uint16_t LOG_TABLE[129] = {
    0,     368,   733,   1095,  1455,  1811,  2166,  2517,  2866,  3212,  3556,  3897,  4236,
    4573,  4907,  5239,  5568,  5895,  6220,  6543,  6863,  7182,  7498,  7812,  8124,  8434,
    8742,  9048,  9352,  9654,  9954,  10253, 10549, 10843, 11136, 11427, 11716, 12004, 12289,
    12573, 12855, 13136, 13415, 13692, 13968, 14242, 14514, 14785, 15055, 15322, 15589, 15854,
    16117, 16379, 16639, 16898, 17156, 17412, 17667, 17921, 18173, 18424, 18673, 18921, 19168,
    19414, 19658, 19901, 20143, 20383, 20623, 20861, 21098, 21334, 21568, 21802, 22034, 22265,
    22495, 22724, 22952, 23179, 23404, 23629, 23852, 24075, 24296, 24517, 24736, 24955, 25172,
    25388, 25604, 25818, 26031, 26244, 26455, 26666, 26876, 27084, 27292, 27499, 27705, 27910,
    28114, 28318, 28520, 28722, 28922, 29122, 29321, 29520, 29717, 29914, 30109, 30304, 30498,
    30692, 30884, 31076, 31267, 31457, 31647, 31836, 32024, 32211, 32397, 32583, 32768};

/* Binary logarithm of value > 0, 15 bits after the point; between the table's entries on a line. */
static int32_t log2_of(uint64_t value) {
    uint32_t high = (uint32_t)(value >> 32u);
    uint32_t low = (uint32_t)value;
    int32_t exponent = 63;
    if (high == 0u) {
        high = low;
        low = 0u;
        exponent = 31;
    }
    for (uint32_t shift = 16u; shift > 0u; shift /= 2u) {
        if ((high >> (32u - shift)) == 0u) {
            high = (high << shift) | (low >> (32u - shift));
            low <<= shift;
            exponent -= (int32_t)shift;
        }
    }
    const uint32_t top = high >> 8u; /* 1, 7 bits of the interval, 16 of its fraction */
    const uint32_t interval = (top >> 16u) & 127u;
    const uint32_t rise = (uint32_t)LOG_TABLE[interval + 1u] - LOG_TABLE[interval];
    const uint32_t between = ((rise * (top & 0xFFFFu)) + 0x8000u) >> 16u;
    return (exponent * (INT32_C(1) << LOG_BITS)) + (int32_t)(LOG_TABLE[interval] + between);
}

static int32_t absolute(int32_t value) {
    return (value < 0) ? -value : value;
}

static uint64_t square(int32_t value) {
    return (uint64_t)((int64_t)value * value);
}

/* Sums over `count` samples of one channel, of which `code` is the first. */
static myofin_level_sums_t level_sums(const myofin_features_s8_t *f, const int8_t *code,
                                      uint32_t count) {
    myofin_level_sums_t sums = {0};
    for (uint32_t i = 0; i < count; i++) {
        const int32_t level = f->levels[*code + 128];
        sums.squares += square(level);
        sums.total += level;
        sums.magnitudes += absolute(level);
        code += f->channels;
    }
    return sums;
}

static int32_t log_sum(const myofin_features_s8_t *f, const int8_t *code, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += f->logs[*code + 128];
        code += f->channels;
    }
    return sum;
}

static myofin_level_sums_t all_level_sums(const myofin_features_s8_t *f, const int8_t *code,
                                          uint32_t count) {
    myofin_level_sums_t sums = level_sums(f, code, count);
    if (f->logs != NULL) {
        sums.logs = log_sum(f, code, count);
    }
    return sums;
}

/* A way along the samples of a channel: how many were passed (at most 2 count), the last level and
 * slope. */
typedef struct {
    uint32_t passed;
    int32_t level;
    int32_t slope;
    myofin_slope_sums_t sums;
} walk_t;

static void walk(const myofin_features_s8_t *f, const int8_t *code, uint32_t count, walk_t *at) {
    walk_t here = *at;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t level = f->levels[*code + 128];
        const int32_t slope = level - here.level;
        if (here.passed > 0u) {
            here.sums.slopes += square(slope);
            here.sums.length += (uint32_t)absolute(slope);
        }
        if (here.passed > 1u) {
            here.sums.curvatures += square(slope - here.slope);
            here.sums.lags += square(slope + here.slope);
        }
        here.passed += (here.passed < 2u) ? 1u : 0u;
        here.level = level;
        here.slope = slope;
        code += f->channels;
    }
    *at = here;
}

void myofin_features_s8_enter(const myofin_features_s8_t *f, const int8_t *frame,
                              const int8_t *const before[2], myofin_level_sums_t *levels,
                              myofin_slope_sums_t *slopes) {
    for (uint32_t c = 0; c < f->channels; c++) {
        const myofin_level_sums_t own = all_level_sums(f, frame + c, f->frame_samples);
        levels[c].squares += own.squares;
        levels[c].total += own.total;
        levels[c].magnitudes += own.magnitudes;
        levels[c].logs += own.logs;
        if (slopes != NULL) {
            walk_t at = {0};
            for (uint32_t i = 2u; i > 0u; i--) {
                if (before[i - 1u] != NULL) {
                    walk(f, before[i - 1u] + c, 1u, &at);
                }
            }
            at.sums = slopes[c]; /* what lies before is counted already */
            walk(f, frame + c, f->frame_samples, &at);
            slopes[c] = at.sums;
        }
    }
}

void myofin_features_s8_leave(const myofin_features_s8_t *f, const int8_t *frame,
                              const int8_t *const after[2], myofin_level_sums_t *levels,
                              myofin_slope_sums_t *slopes) {
    for (uint32_t c = 0; c < f->channels; c++) {
        const myofin_level_sums_t own = all_level_sums(f, frame + c, f->frame_samples);
        levels[c].squares -= own.squares;
        levels[c].total -= own.total;
        levels[c].magnitudes -= own.magnitudes;
        levels[c].logs -= own.logs;
        if (slopes != NULL) {
            walk_t at = {0};
            walk(f, frame + c, f->frame_samples, &at);
            walk(f, after[0] + c, 1u, &at);
            const int32_t slope = f->levels[after[1][c] + 128] - at.level;
            slopes[c].slopes -= at.sums.slopes;
            slopes[c].length -= at.sums.length;
            slopes[c].curvatures -= at.sums.curvatures + square(slope - at.slope);
            slopes[c].lags -= at.sums.lags + square(slope + at.slope);
        }
    }
}

static int32_t highest_exponent(const myofin_features_s8_t *f, const int8_t *code, uint32_t count) {
    int32_t highest = INT16_MIN;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t exponent = f->exponents[*code + 128];
        highest = (exponent > highest) ? exponent : highest;
        code += f->channels;
    }
    return highest;
}

typedef struct {
    uint32_t weight;
    uint32_t moment;
} softmax_t;

/* Adds a weight and its moment as seen from a power of two that is `distance` higher. */
static void add_lowered(softmax_t *sum, uint32_t weight, uint32_t moment, int32_t distance) {
    if (distance <= MAX_SHIFT) {
        const uint32_t shift = (uint32_t)distance;
        sum->weight += weight >> shift;
        sum->moment += (moment + (shift * weight)) >> shift;
    }
}

/* Weights and moments of the samples of a frame, relative to 2^highest. */
static softmax_t softmax_of(const myofin_features_s8_t *f, const int8_t *code, int32_t highest) {
    softmax_t sum = {0};
    for (uint32_t i = 0; i < f->frame_samples; i++) {
        const int32_t row = *code + 128;
        add_lowered(&sum, f->mantissas[row], f->moments[row], highest - f->exponents[row]);
        code += f->channels;
    }
    return sum;
}

void myofin_features_s8_peaks(const myofin_features_s8_t *f, const int8_t *frame, uint32_t slot,
                              const myofin_peaks_t *ring) {
    for (uint32_t c = 0; c < f->channels; c++) {
        const uint32_t at = (slot * f->channels) + c;
        const int32_t highest = highest_exponent(f, frame + c, f->frame_samples);
        const softmax_t sum = softmax_of(f, frame + c, highest);
        ring->exponents[at] = (int16_t)highest;
        ring->weights[at] = sum.weight;
        ring->moments[at] = sum.moment;
    }
}

/* log2 W + T / W: the weight is at least half of 2^weight_bits, since the highest sample's is not
 * shifted. */
static int32_t entropy_of(const myofin_features_s8_t *f, softmax_t sum) {
    const uint32_t ratio = (uint32_t)(((uint64_t)sum.moment << LOG_BITS) / sum.weight);
    const int32_t one = (int32_t)(f->weight_bits << LOG_BITS);
    return log2_of(sum.weight) - one + (int32_t)ratio;
}

/* The sum over the window whose logarithm a feature is. */
static uint64_t sum_of(const myofin_features_s8_t *f, int32_t kind,
                       const myofin_level_sums_t *levels, const myofin_slope_sums_t *slopes) {
    switch (kind) {
    case MYOFIN_FEATURE_VAR:
        return ((uint64_t)f->frames * f->frame_samples * levels->squares) - square(levels->total);
    case MYOFIN_FEATURE_MAV:
        return (uint64_t)levels->magnitudes;
    case MYOFIN_FEATURE_WL:
        return slopes->length;
    case MYOFIN_FEATURE_RMS_D1:
        return slopes->slopes;
    case MYOFIN_FEATURE_RMS_D2:
        return slopes->curvatures;
    case MYOFIN_FEATURE_RMS_LAG2:
        return slopes->lags;
    default:
        return levels->squares;
    }
}

static void finish(const myofin_features_s8_t *f, const myofin_level_sums_t *levels,
                   const myofin_slope_sums_t *slopes, softmax_t softmax, int8_t *features) {
    for (uint32_t i = 0; i < f->count; i++) {
        const int32_t kind = f->numbers[i];
        int32_t value = f->floors[i];
        if (kind == MYOFIN_FEATURE_ENTROPY) {
            value = entropy_of(f, softmax);
        } else if (kind == MYOFIN_FEATURE_LD) {
            value = levels->logs;
        } else {
            const uint64_t sum = sum_of(f, kind, levels, slopes);
            value = (sum > 0u) ? log2_of(sum) : value;
        }
        value = (value < f->floors[i]) ? f->floors[i] : value;
        const int64_t scaled =
            (((int64_t)value * f->multipliers[i]) + f->offsets[i]) >> AFFINE_BITS;
        const int64_t raised = (scaled < INT8_MIN) ? INT8_MIN : scaled;
        features[i] = (int8_t)((raised > INT8_MAX) ? INT8_MAX : raised);
    }
}

void myofin_features_s8_window(const myofin_features_s8_t *f, const int8_t *codes,
                               int8_t *features) {
    const uint32_t samples = f->frames * f->frame_samples;
    for (uint32_t c = 0; c < f->channels; c++) {
        const myofin_level_sums_t levels = all_level_sums(f, codes + c, samples);
        const int32_t highest = highest_exponent(f, codes + c, samples);
        const int8_t *frame = codes + c;
        softmax_t softmax = {0};
        for (uint32_t i = 0; i < f->frames; i++) {
            const int32_t own = highest_exponent(f, frame, f->frame_samples);
            const softmax_t sum = softmax_of(f, frame, own);
            add_lowered(&softmax, sum.weight, sum.moment, highest - own);
            frame += f->frame_samples * f->channels;
        }
        walk_t at = {0};
        if (f->has_slopes != 0u) {
            walk(f, codes + c, samples, &at);
        }
        finish(f, &levels, &at.sums, softmax, features + (c * f->count));
    }
}

void myofin_features_s8_held(const myofin_features_s8_t *f, const myofin_level_sums_t *levels,
                             const myofin_slope_sums_t *slopes, const myofin_peaks_t *ring,
                             int8_t *features) {
    for (uint32_t c = 0; c < f->channels; c++) {
        int32_t highest = INT16_MIN;
        for (uint32_t i = 0; i < f->frames; i++) {
            const int32_t exponent = ring->exponents[(i * f->channels) + c];
            highest = (exponent > highest) ? exponent : highest;
        }
        softmax_t softmax = {0};
        for (uint32_t i = 0; i < f->frames; i++) {
            const uint32_t at = (i * f->channels) + c;
            add_lowered(&softmax, ring->weights[at], ring->moments[at],
                        highest - ring->exponents[at]);
        }
        finish(f, levels + c, (slopes != NULL) ? (slopes + c) : NULL, softmax,
               features + (c * f->count));
    }
}
