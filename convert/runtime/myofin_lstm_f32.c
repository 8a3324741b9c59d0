#include "myofin_lstm_f32.h"

#include <math.h>

enum { GATE_INPUT = 0, GATE_FORGET = 1, GATE_CELL = 2, GATE_OUTPUT = 3 };

/* As the reference has it: 1 from where it rounds to 1, and the exponential alone far below zero.
 */
static float sigmoid(float x) {
    float result = 1.0f;
    if (x < -9.0f) {
        result = expf(x);
    } else if (x <= 16.619047164916992188f) {
        result = 1.0f / (1.0f + expf(-x));
    }
    return result;
}

static float dot(const float *a, const float *b, uint32_t count) {
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

void myofin_lstm_f32_start(const myofin_lstm_f32_t *lstm, float *hidden, float *cell) {
    for (uint32_t i = 0; i < lstm->units; i++) {
        hidden[i] = 0.0f;
        cell[i] = 0.0f;
    }
}

void myofin_lstm_f32_input(const myofin_lstm_f32_t *lstm, const float *x, float *gates) {
    for (uint32_t i = 0; i < (MYOFIN_LSTM_GATES * lstm->units); i++) {
        const float *weights = lstm->input_weights + (i * lstm->inputs);
        gates[i] = dot(x, weights, lstm->inputs) + lstm->input_bias[i];
    }
}

static float clip(float value, float limit) {
    const float raised = (value < -limit) ? -limit : value;
    return (raised > limit) ? limit : raised;
}

void myofin_lstm_f32_state(const myofin_lstm_f32_t *lstm, float *gates, float *hidden,
                           float *cell) {
    const uint32_t units = lstm->units;
    for (uint32_t i = 0; i < (MYOFIN_LSTM_GATES * units); i++) {
        gates[i] += dot(hidden, lstm->recurrent_weights + (i * units), units);
    }
    for (uint32_t i = 0; i < units; i++) {
        const float input = sigmoid(gates[(GATE_INPUT * units) + i]);
        const float forget = sigmoid(gates[(GATE_FORGET * units) + i]);
        const float candidate = tanhf(gates[(GATE_CELL * units) + i]);
        const float output = sigmoid(gates[(GATE_OUTPUT * units) + i]);
        const float sum = (forget * cell[i]) + (input * candidate);
        cell[i] = (lstm->cell_clip > 0.0f) ? clip(sum, lstm->cell_clip) : sum;
        hidden[i] = output * tanhf(cell[i]);
    }
}
