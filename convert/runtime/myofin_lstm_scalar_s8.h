/*
 * The LSTM of myofin_lstm_s8.h, one unit after the other: portable C, or DSP instructions where
 * myofin_dot_s8.h and myofin_fixed.h have them. Gates of a step are [unit][gate].
 */
#ifndef MYOFIN_LSTM_SCALAR_S8_H
#define MYOFIN_LSTM_SCALAR_S8_H

#include "myofin_activations_s16.h"
#include "myofin_dot_s8.h"
#include "myofin_lstm_types_s8.h"

#if !MYOFIN_MVE

/* even = values 0 and 2, odd = values 1 and 3; both at words. */
static inline void myofin_extract(const int8_t values[4], int16_t even[2], int16_t odd[2]) {
#if defined(__ARM_FEATURE_DSP)
    uint32_t word;
    uint32_t halves;
    __builtin_memcpy(&word, values, sizeof(word));
    __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
    __builtin_memcpy(even, &halves, sizeof(halves));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
    __builtin_memcpy(odd, &halves, sizeof(halves));
#else
    even[0] = values[0];
    even[1] = values[2];
    odd[0] = values[1];
    odd[1] = values[3];
#endif
}

/*
 * Brings values[count] to x as number `step` of `steps`: x[pair][steps][2]. In each four columns
 * the second and third change places, the order in which SXTB16 extracts them.
 */
static inline void myofin_lstm_s8_place(const int8_t *values, uint32_t count, uint32_t steps,
                                        uint32_t step, int16_t *x) {
    const uint32_t stride = 2u * steps;
    x += 2u * step;
    uint32_t i = 0;
    for (; (i + 4u) <= count; i += 4u) {
        myofin_extract(values + i, x, x + stride);
        x += 2u * stride;
    }
    for (uint32_t j = 0; (i + j) < count; j++) {
        x[((j & 1u) * stride) + (j >> 1u)] = values[i + j];
    }
}

/* Two gates of one unit and step. */
MYOFIN_INLINE void myofin_lstm_s8_pair(myofin_pair_t sums, const int32_t *bias,
                                       const myofin_scale_t *scales, int16_t *gates) {
    gates[0] = (int16_t)myofin_rescale_s16(sums.even + bias[0], scales[0]);
    gates[1] = (int16_t)myofin_rescale_s16(sums.odd + bias[1], scales[1]);
}

/* gates[units][4] = input half of one step for x[columns]. */
static inline void myofin_lstm_s8_input_1(const myofin_lstm_s8_t *lstm, const int16_t *x,
                                          int16_t *gates) {
    const int16_t *w = lstm->input_weights;
    const int32_t *bias = lstm->input_bias;
    const myofin_scale_t *scales = lstm->input_scales;
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        myofin_pair_t sums[2];
        w = myofin_dot_1(w, x, lstm->input_blocks, sums);
        myofin_lstm_s8_pair(sums[0], bias, scales, gates);
        myofin_lstm_s8_pair(sums[1], bias + 2, scales + 2, gates + 2);
        bias += MYOFIN_LSTM_GATES;
        gates += MYOFIN_LSTM_GATES;
    }
}

/* Two gates of one unit, for three steps. */
MYOFIN_INLINE void myofin_lstm_s8_pair_3(const myofin_lstm_s8_t *lstm, const int16_t *w,
                                         const int16_t *x, const int32_t *bias,
                                         const myofin_scale_t *scales, int16_t *gates) {
    const uint32_t stride = lstm->units * MYOFIN_LSTM_GATES;
    myofin_pair_t sums[MYOFIN_DOT_STEPS];
    myofin_dot_3(w, x, lstm->input_blocks, sums);
    myofin_lstm_s8_pair(sums[0], bias, scales, gates);
    myofin_lstm_s8_pair(sums[1], bias, scales, gates + stride);
    myofin_lstm_s8_pair(sums[2], bias, scales, gates + (2u * stride));
}

/* gates[3][units][4] = input half of three steps. */
static inline void myofin_lstm_s8_input_3(const myofin_lstm_s8_t *lstm, const int16_t *x,
                                          int16_t *gates) {
    const int16_t *w = lstm->input_weights;
    const int32_t *bias = lstm->input_bias;
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        myofin_lstm_s8_pair_3(lstm, w, x, bias, lstm->input_scales, gates);
        myofin_lstm_s8_pair_3(lstm, w + 4, x, bias + 2, lstm->input_scales + 2, gates + 2);
        w += lstm->input_blocks * MYOFIN_LSTM_GATES * MYOFIN_DOT_COLUMNS / 2u;
        bias += MYOFIN_LSTM_GATES;
        gates += MYOFIN_LSTM_GATES;
    }
}

/*
 * sums[units][4] = gates + the recurrent half of a step. Hidden values are kept without their zero
 * point, so that this half has no bias.
 */
static inline void myofin_lstm_s8_recurrent(const myofin_lstm_s8_t *lstm, const int16_t *gates,
                                            const int16_t *hidden, int16_t *sums) {
    const int16_t *w = lstm->recurrent_weights;
    const myofin_scale_t *scales = lstm->recurrent_scales;
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        myofin_pair_t dots[2];
        w = myofin_dot_1(w, hidden, lstm->unit_blocks, dots);
        myofin_add_saturated(gates, myofin_rescale_s16(dots[0].even, scales[0]),
                             myofin_rescale_s16(dots[0].odd, scales[1]), sums);
        myofin_add_saturated(gates + 2, myofin_rescale_s16(dots[1].even, scales[2]),
                             myofin_rescale_s16(dots[1].odd, scales[3]), sums + 2);
        gates += MYOFIN_LSTM_GATES;
        sums += MYOFIN_LSTM_GATES;
    }
}

static inline int32_t myofin_lstm_s8_cell(const myofin_lstm_s8_t *lstm, int32_t input,
                                          int32_t forget, int32_t candidate, int32_t cell) {
    const int32_t kept = myofin_rescale_gated(forget, cell, lstm->forget_scale);
    const int32_t added = myofin_rescale_gated(input, candidate, lstm->update_scale);
    const int32_t sum = myofin_saturate_s16(kept + added);
    const int32_t clip = lstm->cell_clip;
    const int32_t raised = ((clip > 0) && (sum < -clip)) ? -clip : sum;
    return ((clip > 0) && (clip < INT16_MAX) && (raised > clip)) ? clip : raised;
}

/* One unit: updates its cell, returns its hidden value without the zero point. */
static inline int32_t myofin_lstm_s8_unit(const myofin_lstm_s8_t *lstm, const int16_t *gates,
                                          int16_t *cell) {
    const myofin_tanh_input_t gate_tanh = {3, 0}; /* gates are in units of 2^-12 */
    const int32_t input = myofin_sigmoid_s16(gates[0]);
    const int32_t forget = myofin_sigmoid_s16(gates[1]);
    const int32_t candidate = myofin_tanh_s16(gates[2], gate_tanh);
    const int32_t output = myofin_sigmoid_s16(gates[3]);
    const int32_t next = myofin_lstm_s8_cell(lstm, input, forget, candidate, *cell);
    *cell = (int16_t)next;
    const int32_t product = myofin_tanh_s16(next, lstm->cell_tanh) * output;
    const int32_t scaled = myofin_rescale_doubled(2 * product, lstm->hidden_scale);
    const int32_t zero = lstm->hidden_zero_point;
    return myofin_saturate_s8(scaled + zero) - zero;
}

/*
 * The state half of a step: updates hidden[columns] and cell[units]. In the first step both begin
 * at zero, so that there is no recurrent half. sums[units][4] is scratch.
 */
static inline void myofin_lstm_s8_state(const myofin_lstm_s8_t *lstm, bool first,
                                        const int16_t *gates, int16_t *sums, int16_t *hidden,
                                        int16_t *cell) {
    if (first) {
        memset(cell, 0, lstm->units * sizeof(cell[0]));
    } else {
        myofin_lstm_s8_recurrent(lstm, gates, hidden, sums);
        gates = sums;
    }
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        hidden[unit] = (int16_t)myofin_lstm_s8_unit(lstm, gates, &cell[unit]);
        gates += MYOFIN_LSTM_GATES;
    }
}

/* The hidden values as the network sees them. */
static inline void myofin_lstm_s8_output(const myofin_lstm_s8_t *lstm, const int16_t *hidden,
                                         int8_t *output) {
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        output[unit] = (int8_t)(hidden[unit] + lstm->hidden_zero_point);
    }
}

#endif
#endif
