/*
 * LSTM cell on float. A step is in two halves, as in the integer kernel: the input half does not
 * depend on the state. Gates are in the order input, forget, cell, output.
 */
#ifndef MYOFIN_LSTM_F32_H
#define MYOFIN_LSTM_F32_H

#include <stdint.h>

#define MYOFIN_LSTM_GATES 4u

typedef struct {
    uint32_t inputs;
    uint32_t units;
    const float *input_weights;     /* [4][units][inputs] */
    const float *recurrent_weights; /* [4][units][units] */
    const float *input_bias;        /* [4][units] */
    float cell_clip;                /* 0: none */
} myofin_lstm_f32_t;

/* State of the first step: hidden[units] and cell[units] at 0. */
void myofin_lstm_f32_start(const myofin_lstm_f32_t *lstm, float *hidden, float *cell);

/* gates[4 * units] = input half of a step for x[inputs]. */
void myofin_lstm_f32_input(const myofin_lstm_f32_t *lstm, const float *x, float *gates);

/* The state half: updates hidden and cell; gates is used up. */
void myofin_lstm_f32_state(const myofin_lstm_f32_t *lstm, float *gates, float *hidden, float *cell);

#endif
