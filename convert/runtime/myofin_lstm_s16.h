/*
 * LSTM on int16 activations and int8 weights, with int16 gates and cell state: the scheme int16x8.
 *
 * A step is in two halves, as on int8 (myofin_lstm_s8.h): the input half does not depend on the
 * state. What differs: the sums are rescaled with one rounding and 16 bits of the factor, nothing
 * has a zero point, and hidden values have 16 bits. Gates are in the order input, forget, cell,
 * output. Everything is inline: the compiler then sees the constants of the one model.
 */
#ifndef MYOFIN_LSTM_S16_H
#define MYOFIN_LSTM_S16_H

#include "myofin_activations_s16.h"
#include "myofin_dot_s16.h"
#include "myofin_fixed_s16.h"

#include <stdbool.h>
#include <string.h>

typedef struct {
    uint32_t units;
    uint32_t input_blocks;            /* blocks of 16 inputs, the last one filled with zeros */
    uint32_t unit_blocks;             /* likewise of hidden values */
    const int16_t *input_weights;     /* [units] in the order of myofin_dot_s16.h */
    const int16_t *recurrent_weights; /* likewise */
    const int32_t *input_bias;        /* [units][4] */
    myofin_scale_once_t input_scales[MYOFIN_DOT_S16_ROWS];
    myofin_scale_once_t recurrent_scales[MYOFIN_DOT_S16_ROWS];
    myofin_scale_t forget_scale; /* forget gate * cell state -> cell state */
    myofin_scale_t update_scale; /* input gate * cell gate -> cell state */
    myofin_scale_t hidden_scale; /* output gate * tanh(cell state) -> hidden state */
    myofin_tanh_input_t cell_tanh;
    int32_t cell_clip; /* 0: none */
} myofin_lstm_s16_t;

/* x[count] = codes in units of 2^-15. */
static inline void myofin_lstm_s16_expand(const int8_t *codes, uint32_t count, int16_t *x) {
    for (uint32_t i = 0; i < count; i++) {
        x[i] = (int16_t)(codes[i] * 256);
    }
}

/* gates[units][4] = input half of one step for x[columns]. */
static inline void myofin_lstm_s16_input(const myofin_lstm_s16_t *lstm, const int16_t *x,
                                         int16_t *gates) {
    const int16_t *w = lstm->input_weights;
    const int32_t *bias = lstm->input_bias;
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        int32_t sums[MYOFIN_DOT_S16_ROWS];
        myofin_dot_s16(w, x, lstm->input_blocks, sums);
        for (uint32_t gate = 0; gate < MYOFIN_DOT_S16_ROWS; gate++) {
            gates[gate] = (int16_t)myofin_saturate_s16(
                myofin_rescale_once(sums[gate] + bias[gate], lstm->input_scales[gate]));
        }
        w += lstm->input_blocks * MYOFIN_DOT_S16_ROWS * MYOFIN_DOT_S16_COLUMNS / 2u;
        bias += MYOFIN_DOT_S16_ROWS;
        gates += MYOFIN_DOT_S16_ROWS;
    }
}

/* sums[units][4] = gates + the recurrent half of a step, each saturated on its own. */
static inline void myofin_lstm_s16_recurrent(const myofin_lstm_s16_t *lstm, const int16_t *gates,
                                             const int16_t *hidden, int16_t *sums) {
    const int16_t *w = lstm->recurrent_weights;
    const myofin_scale_once_t *scales = lstm->recurrent_scales;
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        int32_t dots[MYOFIN_DOT_S16_ROWS];
        myofin_dot_s16(w, hidden, lstm->unit_blocks, dots);
        for (uint32_t gate = 0; gate < MYOFIN_DOT_S16_ROWS; gate += 2u) {
            myofin_add_saturated(
                gates + gate, myofin_saturate_s16(myofin_rescale_once(dots[gate], scales[gate])),
                myofin_saturate_s16(myofin_rescale_once(dots[gate + 1u], scales[gate + 1u])),
                sums + gate);
        }
        w += lstm->unit_blocks * MYOFIN_DOT_S16_ROWS * MYOFIN_DOT_S16_COLUMNS / 2u;
        gates += MYOFIN_DOT_S16_ROWS;
        sums += MYOFIN_DOT_S16_ROWS;
    }
}

static inline int32_t myofin_lstm_s16_cell(const myofin_lstm_s16_t *lstm, int32_t input,
                                           int32_t forget, int32_t candidate, int32_t cell) {
    const int32_t kept = myofin_rescale_s16(2 * (forget * cell), lstm->forget_scale);
    const int32_t added = myofin_rescale_s16(2 * (input * candidate), lstm->update_scale);
    const int32_t sum = myofin_saturate_s16(kept + added);
    const int32_t clip = lstm->cell_clip;
    const int32_t raised = ((clip > 0) && (sum < -clip)) ? -clip : sum;
    return ((clip > 0) && (clip < INT16_MAX) && (raised > clip)) ? clip : raised;
}

/* One unit: updates its cell, returns its hidden value. */
static inline int32_t myofin_lstm_s16_unit(const myofin_lstm_s16_t *lstm, const int16_t *gates,
                                           int16_t *cell) {
    const myofin_tanh_input_t gate_tanh = {3, 0}; /* gates are in units of 2^-12 */
    const int32_t input = myofin_sigmoid_s16(gates[0]);
    const int32_t forget = myofin_sigmoid_s16(gates[1]);
    const int32_t candidate = myofin_tanh_s16(gates[2], gate_tanh);
    const int32_t output = myofin_sigmoid_s16(gates[3]);
    const int32_t next = myofin_lstm_s16_cell(lstm, input, forget, candidate, *cell);
    *cell = (int16_t)next;
    const int32_t product = myofin_tanh_s16(next, lstm->cell_tanh) * output;
    return myofin_rescale_s16(2 * product, lstm->hidden_scale);
}

/*
 * The state half of a step: updates hidden[columns] and cell[units]. In the first step both begin
 * at zero, so that there is no recurrent half. sums[units][4] is scratch.
 */
static inline void myofin_lstm_s16_state(const myofin_lstm_s16_t *lstm, bool first,
                                         const int16_t *gates, int16_t *sums, int16_t *hidden,
                                         int16_t *cell) {
    if (first) {
        memset(cell, 0, lstm->units * sizeof(cell[0]));
    } else {
        myofin_lstm_s16_recurrent(lstm, gates, hidden, sums);
        gates = sums;
    }
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        hidden[unit] = (int16_t)myofin_lstm_s16_unit(lstm, gates, &cell[unit]);
        gates += MYOFIN_DOT_S16_ROWS;
    }
}

/* The hidden values of a state as an output. */
static inline void myofin_lstm_s16_output(const myofin_lstm_s16_t *lstm, const int16_t *hidden,
                                          int16_t *output) {
    memcpy(output, hidden, lstm->units * sizeof(hidden[0]));
}

#endif
