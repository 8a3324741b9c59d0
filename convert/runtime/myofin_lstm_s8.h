/*
 * LSTM cell on int8 activations and weights, with int16 gates and cell state.
 *
 * A step is in two halves. The input half (weights * x) does not depend on the state; the state
 * half adds the recurrent part and updates the state. Gates are in the order input, forget, cell,
 * output.
 */
#ifndef MYOFIN_LSTM_S8_H
#define MYOFIN_LSTM_S8_H

#include "myofin_activations_s16.h"
#include "myofin_fixed.h"

#define MYOFIN_LSTM_GATES 4u

typedef struct {
    uint32_t inputs;
    uint32_t units;
    const int8_t *input_weights;     /* [4][units][inputs] */
    const int8_t *recurrent_weights; /* [4][units][units] */
    const int32_t *input_bias;       /* [4][units], the input's zero point folded in */
    const int32_t *recurrent_bias;   /* [4][units], the hidden state's zero point folded in */
    myofin_scale_t input_scales[MYOFIN_LSTM_GATES];
    myofin_scale_t recurrent_scales[MYOFIN_LSTM_GATES];
    myofin_scale_t forget_scale; /* forget gate * cell state -> cell state */
    myofin_scale_t update_scale; /* input gate * cell gate -> cell state */
    myofin_scale_t hidden_scale; /* output gate * tanh(cell state) -> hidden state */
    myofin_tanh_input_t cell_tanh;
    int32_t hidden_zero_point;
    int32_t cell_clip; /* 0: none */
} myofin_lstm_s8_t;

/* State of the first step: hidden[units] at its zero point, cell[units] at 0. */
void myofin_lstm_s8_start(const myofin_lstm_s8_t *lstm, int8_t *hidden, int16_t *cell);

/* gates[4 * units] = input half of a step for x[inputs], saturated to int16. */
void myofin_lstm_s8_input(const myofin_lstm_s8_t *lstm, const int8_t *x, int16_t *gates);

/* The state half: updates hidden and cell; gates is used up. */
void myofin_lstm_s8_state(const myofin_lstm_s8_t *lstm, int16_t *gates, int8_t *hidden,
                          int16_t *cell);

#endif
