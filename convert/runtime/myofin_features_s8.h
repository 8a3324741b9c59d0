/*
 * Closed-form features of a window of codes, in integers: the entropy of the softmax, RMS,
 * variance, simple square integral, mean absolute value, waveform length, RMS of the first and
 * second differences and of those over two samples, and the log detector.
 *
 * Sums over the window are exact, so a frame can be added to them and taken away again. The
 * softmax' weights of a frame are kept relative to a power of two that is at least the highest of
 * them; frames are combined by shifts. The bits are those of myofin/integer_features.py;
 * myofin/integer_tables.py states the bounds that keep each sum in its type.
 */
#ifndef MYOFIN_FEATURES_S8_H
#define MYOFIN_FEATURES_S8_H

#include <stdint.h>

/* Kinds of features, by their number in a model. */
#define MYOFIN_FEATURE_ENTROPY 0
#define MYOFIN_FEATURE_RMS 1
#define MYOFIN_FEATURE_VAR 2
#define MYOFIN_FEATURE_SSI 3
#define MYOFIN_FEATURE_MAV 4
#define MYOFIN_FEATURE_WL 5
#define MYOFIN_FEATURE_RMS_D1 6
#define MYOFIN_FEATURE_RMS_D2 7
#define MYOFIN_FEATURE_LD 8
#define MYOFIN_FEATURE_RMS_LAG2 9

typedef struct {
    uint32_t channels;
    uint32_t frame_samples;
    uint32_t frames;
    uint32_t count;             /* features of a channel */
    const int32_t *numbers;     /* [count], kinds */
    const int32_t *floors;      /* [count], least values */
    const int32_t *multipliers; /* [count]; an output is (value * multiplier + offset) >> 30 */
    const int64_t *offsets;     /* [count] */
    const int32_t *levels;      /* [code + 128] */
    const int16_t *exponents;   /* [code + 128]: e^level is mantissa * 2^(exponent - weight_bits) */
    const uint32_t *mantissas;  /* [code + 128] */
    const uint32_t
        *moments;        /* [code + 128], mantissas times what their exponents were rounded up by */
    const int16_t *logs; /* [code + 128], or NULL without the log detector */
    uint32_t has_slopes; /* whether a feature is of neighbouring samples */
    uint32_t weight_bits;
} myofin_features_s8_t;

/* Sums over the samples of one channel. */
typedef struct {
    uint64_t squares;
    int32_t total;
    int32_t magnitudes;
    int32_t logs;
} myofin_level_sums_t;

/* Sums over neighbouring samples. */
typedef struct {
    uint64_t slopes;
    uint64_t curvatures;
    uint64_t lags; /* over two samples */
    uint32_t length;
} myofin_slope_sums_t;

/* The softmax of one frame: weights and moments relative to 2^exponent. */
typedef struct {
    int16_t *exponents;
    uint32_t *weights;
    uint32_t *moments;
} myofin_peaks_t;

/* The features of a whole window of codes: features[channel][kind]. */
void myofin_features_s8_window(const myofin_features_s8_t *f, const int8_t *codes,
                               int8_t *features);

/*
 * Adds a frame to the sums over the window, or takes the oldest one away. `before` are the two rows
 * of samples before the frame, the nearer first, NULL where there are none; `after` are the two
 * that follow it. Without slopes the sums of slopes are NULL.
 */
void myofin_features_s8_enter(const myofin_features_s8_t *f, const int8_t *frame,
                              const int8_t *const before[2], myofin_level_sums_t *levels,
                              myofin_slope_sums_t *slopes);
void myofin_features_s8_leave(const myofin_features_s8_t *f, const int8_t *frame,
                              const int8_t *const after[2], myofin_level_sums_t *levels,
                              myofin_slope_sums_t *slopes);

/* The softmax of a frame, for `slot` of a ring [slot][channel]. */
void myofin_features_s8_peaks(const myofin_features_s8_t *f, const int8_t *frame, uint32_t slot,
                              const myofin_peaks_t *ring);

/* The features of the window whose sums and ring these are. */
void myofin_features_s8_held(const myofin_features_s8_t *f, const myofin_level_sums_t *levels,
                             const myofin_slope_sums_t *slopes, const myofin_peaks_t *ring,
                             int8_t *features);

#endif
