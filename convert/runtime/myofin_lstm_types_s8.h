/* The constants of one LSTM on int8; gates in the order input, forget, cell, output. */
#ifndef MYOFIN_LSTM_TYPES_S8_H
#define MYOFIN_LSTM_TYPES_S8_H

#include "myofin_activations_s16.h"
#include "myofin_fixed.h"

#include <stdbool.h>
#include <string.h>

#define MYOFIN_LSTM_GATES 4u

typedef struct {
    uint32_t units;
    uint32_t input_blocks; /* blocks of 16 inputs, the last one filled with zeros */
    uint32_t unit_blocks;  /* likewise of hidden values */
#if MYOFIN_MVE
    const int8_t *input_weights; /* in the order of myofin_lstm_mve_s8.h */
    const int8_t *recurrent_weights;
    const int32_t *input_bias;     /* the input's zero point folded in */
    const int32_t *recurrent_bias; /* what the zero point of the hidden values takes off */
#else
    const int16_t *input_weights;     /* [units] in the order of myofin_dot_s8.h */
    const int16_t *recurrent_weights; /* likewise */
    const int32_t *input_bias;        /* [units][4], doubled, the input's zero point folded in */
#endif
    myofin_scale_t input_scales[MYOFIN_LSTM_GATES];
    myofin_scale_t recurrent_scales[MYOFIN_LSTM_GATES];
    myofin_scale_t forget_scale; /* forget gate * cell state -> cell state */
    myofin_scale_t update_scale; /* input gate * cell gate -> cell state */
    myofin_scale_t hidden_scale; /* output gate * tanh(cell state) -> hidden state */
    myofin_tanh_input_t cell_tanh;
    int32_t hidden_zero_point;
    int32_t cell_clip; /* 0: none */
} myofin_lstm_s8_t;

#endif
