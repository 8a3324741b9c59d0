/*
 * The LSTM of myofin_lstm_s8.h for Helium (MVE): eight units at a time, one gate after the other.
 *
 * Order of rows, for weights and biases: [group of 8 units][gate][unit], the last group filled with
 * zeros to whole quads. Gates of a step are [gate][unit]. The recurrent product takes hidden values
 * as int8, with their zero point; what that adds is taken off in the rows' biases.
 */
#ifndef MYOFIN_LSTM_MVE_S8_H
#define MYOFIN_LSTM_MVE_S8_H

#include "myofin_activations_mve_s16.h"
#include "myofin_dot_mve_s8.h"
#include "myofin_lstm_types_s8.h"

#if MYOFIN_MVE

#define MYOFIN_LANES 8u /* units of a group: a vector of int16 */

/* Whether all groups have eight units: no lane is then left out, which the compiler sees. */
MYOFIN_INLINE bool myofin_lstm_s8_whole(const myofin_lstm_s8_t *lstm) {
    return (lstm->units % MYOFIN_LANES) == 0u;
}

/* Quads of the group of units that begins at `first`. */
MYOFIN_INLINE uint32_t myofin_lstm_s8_quads(const myofin_lstm_s8_t *lstm, uint32_t first) {
    return (myofin_lstm_s8_whole(lstm) || ((lstm->units - first) > MYOFIN_QUAD)) ? 2u : 1u;
}

/* The group that begins at `first`, of values[units]. */
MYOFIN_INLINE int16x8_t myofin_lstm_s8_load(const myofin_lstm_s8_t *lstm, const int16_t *values,
                                            uint32_t first) {
    if (myofin_lstm_s8_whole(lstm)) {
        return vldrhq_s16(values + first);
    }
    return vldrhq_z_s16(values + first, vctp16q(lstm->units - first));
}

MYOFIN_INLINE void myofin_lstm_s8_store(const myofin_lstm_s8_t *lstm, int16_t *values,
                                        uint32_t first, int16x8_t group) {
    if (myofin_lstm_s8_whole(lstm)) {
        vstrhq_s16(values + first, group);
    } else {
        vstrhq_p_s16(values + first, group, vctp16q(lstm->units - first));
    }
}

/* Brings values[count] to x as number `step` of `steps`: x[block][steps][16], filled with zeros. */
static inline void myofin_lstm_s8_place(const int8_t *values, uint32_t count, uint32_t steps,
                                        uint32_t step, int16_t *x) {
    int8_t *place = (int8_t *)x + (step * MYOFIN_DOT_COLUMNS);
    for (uint32_t i = 0; i < count; i += MYOFIN_DOT_COLUMNS) {
        vstrbq_s8(place, vldrbq_z_s8(values + i, vctp8q(count - i)));
        place += steps * MYOFIN_DOT_COLUMNS;
    }
}

/* Saturated int16 of eight sums. */
MYOFIN_INLINE int16x8_t myofin_lstm_s8_sums(const int32_t *sums, myofin_scale_t scale) {
    const int32x4x2_t lanes = vld2q_s32(sums);
    return myofin_rescale_8(lanes.val[0], lanes.val[1], scale);
}

/* gates[4][units] = input half of one step for x[blocks][16]. */
static inline void myofin_lstm_s8_input_1(const myofin_lstm_s8_t *lstm, const int16_t *x,
                                          int16_t *gates) {
    const int8_t *w = lstm->input_weights;
    const int32_t *bias = lstm->input_bias;
    for (uint32_t first = 0; first < lstm->units; first += MYOFIN_LANES) {
        const uint32_t rows = myofin_lstm_s8_quads(lstm, first) * MYOFIN_QUAD;
        int32_t sums[(MYOFIN_LSTM_GATES * MYOFIN_LANES) + MYOFIN_QUAD];
        /* As many quads of all gates as rows of one. */
        myofin_dot_quads(w, bias, (const int8_t *)x, lstm->input_blocks, rows, sums);
#pragma GCC unroll 4
        for (uint32_t gate = 0; gate < MYOFIN_LSTM_GATES; gate++) {
            myofin_lstm_s8_store(
                lstm, gates + (gate * lstm->units), first,
                myofin_lstm_s8_sums(sums + (gate * rows), lstm->input_scales[gate]));
        }
        w += MYOFIN_LSTM_GATES * rows * lstm->input_blocks * MYOFIN_DOT_COLUMNS;
        bias += MYOFIN_LSTM_GATES * rows;
    }
}

/* gates[3][4][units] = input half of three steps. */
static inline void myofin_lstm_s8_input_3(const myofin_lstm_s8_t *lstm, const int16_t *x,
                                          int16_t *gates) {
    const int8_t *w = lstm->input_weights;
    const int32_t *bias = lstm->input_bias;
    for (uint32_t first = 0; first < lstm->units; first += MYOFIN_LANES) {
        const uint32_t quads = myofin_lstm_s8_quads(lstm, first);
#pragma GCC unroll 4
        for (uint32_t gate = 0; gate < MYOFIN_LSTM_GATES; gate++) {
            int16_t *place = gates + (gate * lstm->units);
            int32_t sums[MYOFIN_DOT_STEPS * MYOFIN_LANES];
            myofin_dot_steps_3(w, bias, (const int8_t *)x, lstm->input_blocks, quads, sums);
            w += quads * MYOFIN_QUAD * lstm->input_blocks * MYOFIN_DOT_COLUMNS;
            bias += quads * MYOFIN_QUAD;
#pragma GCC unroll 3
            for (uint32_t step = 0; step < MYOFIN_DOT_STEPS; step++) {
                myofin_lstm_s8_store(
                    lstm, place, first,
                    myofin_lstm_s8_sums(sums + (step * MYOFIN_LANES), lstm->input_scales[gate]));
                place += lstm->units * MYOFIN_LSTM_GATES;
            }
        }
    }
}

/* The hidden values as the network sees them. */
static inline void myofin_lstm_s8_output(const myofin_lstm_s8_t *lstm, const int16_t *hidden,
                                         int8_t *output) {
    for (uint32_t unit = 0; unit < lstm->units; unit += MYOFIN_LANES) {
        const mve_pred16_t lanes = vctp16q(lstm->units - unit);
        const int16x8_t values = vldrhq_z_s16(hidden + unit, lanes);
        vstrbq_p_s16(output + unit, vaddq_n_s16(values, (int16_t)lstm->hidden_zero_point), lanes);
    }
}

/* Products of values of two vectors, rescaled to int16. */
MYOFIN_INLINE int16x8_t myofin_lstm_s8_product(int16x8_t a, int16x8_t b, myofin_scale_t scale) {
    return myofin_rescale_8(vmullbq_int_s16(a, b), vmulltq_int_s16(a, b), scale);
}

/* The cell state of a group, from the sums of its gates; cell[units] is updated. */
MYOFIN_INLINE int16x8_t myofin_lstm_s8_cell(const myofin_lstm_s8_t *lstm,
                                            const int16x8_t gates[MYOFIN_LSTM_GATES], int16_t *cell,
                                            uint32_t first) {
    const myofin_tanh_input_t gate_tanh = {3, 0}; /* gates are in units of 2^-12 */
    const int16x8_t kept = myofin_lstm_s8_product(
        myofin_sigmoid_8(gates[1]), myofin_lstm_s8_load(lstm, cell, first), lstm->forget_scale);
    const int16x8_t added = myofin_lstm_s8_product(
        myofin_sigmoid_8(gates[0]), myofin_tanh_8(gates[2], gate_tanh), lstm->update_scale);
    int16x8_t next = vqaddq_s16(kept, added);
    if (lstm->cell_clip > 0) {
        next = vmaxq_s16(next, vdupq_n_s16((int16_t)-lstm->cell_clip));
    }
    if ((lstm->cell_clip > 0) && (lstm->cell_clip < INT16_MAX)) {
        next = vminq_s16(next, vdupq_n_s16((int16_t)lstm->cell_clip));
    }
    myofin_lstm_s8_store(lstm, cell, first, next);
    return next;
}

/* Updates cell[units] of a group; returns its hidden values without the zero point. */
MYOFIN_INLINE int16x8_t myofin_lstm_s8_units(const myofin_lstm_s8_t *lstm,
                                             const int16x8_t gates[MYOFIN_LSTM_GATES],
                                             int16_t *cell, uint32_t first) {
    const int16x8_t next = myofin_lstm_s8_cell(lstm, gates, cell, first);
    const int16x8_t scaled = myofin_lstm_s8_product(
        myofin_sigmoid_8(gates[3]), myofin_tanh_8(next, lstm->cell_tanh), lstm->hidden_scale);
    /* To int8, saturated by a shift to the left and back. */
    const int16x8_t value = vqaddq_n_s16(scaled, (int16_t)lstm->hidden_zero_point);
    const int16x8_t saturated = vshrq_n_s16(vqshlq_n_s16(value, 8), 8);
    return vsubq_n_s16(saturated, (int16_t)lstm->hidden_zero_point);
}

/*
 * The state half of a step: updates hidden[units] and cell[units]. In the first step both begin at
 * zero, so that there is no recurrent half. scratch holds the hidden values in whole blocks.
 */
static inline void myofin_lstm_s8_state(const myofin_lstm_s8_t *lstm, bool start,
                                        const int16_t *gates, int16_t *scratch, int16_t *hidden,
                                        int16_t *cell) {
    const int8_t *w = lstm->recurrent_weights;
    const int32_t *bias = lstm->recurrent_bias;
    if (start) {
        memset(cell, 0, lstm->units * sizeof(cell[0]));
    } else {
        myofin_lstm_s8_output(lstm, hidden, (int8_t *)scratch);
    }
    for (uint32_t first = 0; first < lstm->units; first += MYOFIN_LANES) {
        const uint32_t rows = myofin_lstm_s8_quads(lstm, first) * MYOFIN_QUAD;
        int32_t sums[(MYOFIN_LSTM_GATES * MYOFIN_LANES) + MYOFIN_QUAD];
        int16x8_t sum[MYOFIN_LSTM_GATES];
        if (!start) {
            myofin_dot_quads(w, bias, (const int8_t *)scratch, lstm->unit_blocks, rows, sums);
            w += MYOFIN_LSTM_GATES * rows * lstm->unit_blocks * MYOFIN_DOT_COLUMNS;
            bias += MYOFIN_LSTM_GATES * rows;
        }
#pragma GCC unroll 4
        for (uint32_t gate = 0; gate < MYOFIN_LSTM_GATES; gate++) {
            sum[gate] = myofin_lstm_s8_load(lstm, gates + (gate * lstm->units), first);
            if (!start) {
                const int16x8_t half =
                    myofin_lstm_s8_sums(sums + (gate * rows), lstm->recurrent_scales[gate]);
                sum[gate] = vqaddq_s16(sum[gate], half);
            }
        }
        myofin_lstm_s8_store(lstm, hidden, first, myofin_lstm_s8_units(lstm, sum, cell, first));
    }
}

#endif
#endif
