#include "myofin_model.h"

#include <string.h>

/* SHA-256 of "fake model" */
const uint8_t myofin_model_sha256[32] = {
    0x1E, 0xEC, 0x94, 0x3F, 0x3F, 0xBF, 0x69, 0x94, 0x71, 0x76, 0xE7, 0xC7, 0x11, 0x41, 0x5A, 0xD8,
    0x8A, 0x08, 0x18, 0x41, 0x69, 0xF7, 0x2C, 0xD3, 0x1D, 0xCA, 0x0A, 0xB0, 0x71, 0xE1, 0x49, 0x39};

void myofin_init(myofin_state_t *state) {
    memset(state, 0, sizeof *state);
}

bool myofin_push_frame(myofin_state_t *state, const int16_t *counts) {
    memmove(state->window, state->window + MYOFIN_FRAME_CODES,
            MYOFIN_WINDOW_CODES - MYOFIN_FRAME_CODES);
    int8_t *const codes = state->window + MYOFIN_WINDOW_CODES - MYOFIN_FRAME_CODES;
    for (uint32_t i = 0; i < MYOFIN_FRAME_CODES; i++) {
        codes[i] = (int8_t)(counts[i] / 256);
    }
    if (state->frames < MYOFIN_FRAMES) {
        state->frames++;
    }
    return state->frames == MYOFIN_FRAMES;
}

const int8_t *myofin_window_codes(const myofin_state_t *state) {
    return state->window;
}

const int8_t *myofin_newest_codes(const myofin_state_t *state) {
    return state->window + MYOFIN_WINDOW_CODES - MYOFIN_FRAME_CODES;
}

void myofin_fin(myofin_state_t *state, const int8_t *codes, myofin_value_t *features) {
    int32_t sums[MYOFIN_FEATURES] = {0};
    for (uint32_t i = 0; i < MYOFIN_WINDOW_CODES; i++) {
        sums[i % MYOFIN_CHANNELS] += codes[i];
    }
    for (uint32_t f = 0; f < MYOFIN_FEATURES; f++) {
        state->features[f] = (int8_t)(uint8_t)(sums[f] & 0xFF);
        features[f] = state->features[f];
    }
}

void myofin_fin_held(myofin_state_t *state, myofin_value_t *features) {
    myofin_fin(state, state->window, features);
}

void myofin_head(myofin_state_t *state, myofin_value_t *logits) {
    for (uint32_t l = 0; l < MYOFIN_LOGITS; l++) {
        logits[l] = (int8_t)(uint8_t)((state->features[l] + (int32_t)l) & 0xFF);
    }
}
