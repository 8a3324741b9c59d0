#include "myofin_lstm_s8.h"

enum { GATE_INPUT = 0, GATE_FORGET = 1, GATE_CELL = 2, GATE_OUTPUT = 3 };

/* Pre-activations of the gates are in units of 2^-12. */
static const myofin_tanh_input_t GATE_TANH = {3, 0};

static int32_t saturate_s16(int32_t value) {
    return myofin_clamp(value, INT16_MIN, INT16_MAX);
}

void myofin_lstm_s8_start(const myofin_lstm_s8_t *lstm, int8_t *hidden, int16_t *cell) {
    for (uint32_t i = 0; i < lstm->units; i++) {
        hidden[i] = (int8_t)lstm->hidden_zero_point;
        cell[i] = 0;
    }
}

void myofin_lstm_s8_input(const myofin_lstm_s8_t *lstm, const int8_t *x, int16_t *gates) {
    for (uint32_t gate = 0; gate < MYOFIN_LSTM_GATES; gate++) {
        const myofin_scale_t scale = lstm->input_scales[gate];
        for (uint32_t i = gate * lstm->units; i < ((gate + 1u) * lstm->units); i++) {
            const int8_t *weights = lstm->input_weights + (i * lstm->inputs);
            const int32_t sum = myofin_dot_s8(x, weights, lstm->inputs) + lstm->input_bias[i];
            gates[i] = (int16_t)saturate_s16(myofin_rescale(sum, scale));
        }
    }
}

/* Adds the recurrent half, which is rounded and saturated on its own before the sum saturates. */
static void add_recurrent(const myofin_lstm_s8_t *lstm, const int8_t *hidden, int16_t *gates) {
    for (uint32_t gate = 0; gate < MYOFIN_LSTM_GATES; gate++) {
        const myofin_scale_t scale = lstm->recurrent_scales[gate];
        for (uint32_t i = gate * lstm->units; i < ((gate + 1u) * lstm->units); i++) {
            const int8_t *weights = lstm->recurrent_weights + (i * lstm->units);
            const int32_t sum =
                myofin_dot_s8(hidden, weights, lstm->units) + lstm->recurrent_bias[i];
            const int32_t part = saturate_s16(myofin_rescale(sum, scale));
            gates[i] = (int16_t)saturate_s16((int32_t)gates[i] + part);
        }
    }
}

static int16_t next_cell(const myofin_lstm_s8_t *lstm, int32_t input, int32_t forget, int32_t gate,
                         int32_t cell) {
    const int32_t kept = saturate_s16(myofin_rescale(forget * cell, lstm->forget_scale));
    const int32_t added = saturate_s16(myofin_rescale(input * gate, lstm->update_scale));
    const int32_t sum = saturate_s16(kept + added);
    return (int16_t)((lstm->cell_clip > 0) ? myofin_clamp(sum, -lstm->cell_clip, lstm->cell_clip)
                                           : sum);
}

void myofin_lstm_s8_state(const myofin_lstm_s8_t *lstm, int16_t *gates, int8_t *hidden,
                          int16_t *cell) {
    const uint32_t units = lstm->units;
    add_recurrent(lstm, hidden, gates);
    for (uint32_t i = 0; i < units; i++) {
        const int16_t input = myofin_sigmoid_s16(gates[(GATE_INPUT * units) + i]);
        const int16_t forget = myofin_sigmoid_s16(gates[(GATE_FORGET * units) + i]);
        const int16_t candidate = myofin_tanh_s16(gates[(GATE_CELL * units) + i], &GATE_TANH);
        const int16_t output = myofin_sigmoid_s16(gates[(GATE_OUTPUT * units) + i]);
        cell[i] = next_cell(lstm, input, forget, candidate, cell[i]);
        const int32_t product = (int32_t)myofin_tanh_s16(cell[i], &lstm->cell_tanh) * output;
        const int32_t scaled = myofin_rescale(product, lstm->hidden_scale);
        hidden[i] = (int8_t)myofin_clamp(scaled + lstm->hidden_zero_point, INT8_MIN, INT8_MAX);
    }
}
