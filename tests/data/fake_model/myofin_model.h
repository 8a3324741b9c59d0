/* A model with the interface of generated ones and arithmetic that a test redoes in its head:
 * code = count / 256 towards zero; feature[f] = sum of the codes of channel f, modulo 256;
 * logit[l] = feature[l] + l, modulo 256. */
#ifndef MYOFIN_MODEL_H
#define MYOFIN_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MYOFIN_CHANNELS 4u
#define MYOFIN_FRAME_SAMPLES 5u
#define MYOFIN_FRAMES 30u
#define MYOFIN_FRAME_CODES (MYOFIN_FRAME_SAMPLES * MYOFIN_CHANNELS)
#define MYOFIN_WINDOW_CODES (MYOFIN_FRAMES * MYOFIN_FRAME_CODES)
#define MYOFIN_FEATURES 4u
#define MYOFIN_LOGITS 3u
#define MYOFIN_SCHEME 1u
#define MYOFIN_STATE_CONTRACT 0u

extern const uint8_t myofin_model_sha256[32];

typedef int8_t myofin_value_t;

typedef struct {
    uint32_t frames;
    int8_t window[MYOFIN_WINDOW_CODES];
    int8_t features[MYOFIN_FEATURES];
} myofin_state_t;

void myofin_init(myofin_state_t *state);
bool myofin_push_frame(myofin_state_t *state, const int16_t *counts);
const int8_t *myofin_window_codes(const myofin_state_t *state);
const int8_t *myofin_newest_codes(const myofin_state_t *state);
void myofin_fin(myofin_state_t *state, const int8_t *codes, myofin_value_t *features);
void myofin_fin_held(myofin_state_t *state, myofin_value_t *features);
void myofin_head(myofin_state_t *state, myofin_value_t *logits);

#endif
