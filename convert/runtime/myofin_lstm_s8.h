/*
 * LSTM on int8 activations and weights, with int16 gates and cell state.
 *
 * A step is in two halves. The input half (weights * x) does not depend on the state, so it is
 * computed for three steps at a time, or once for a frame that many windows share; the state half
 * adds the recurrent part and updates the state; each half is rounded and saturated on its own.
 * Gates are in the order input, forget, cell, output. Everything is inline: the compiler then sees
 * the constants of the one model. Two files hold the kernels; all variants give the same bits.
 */
#ifndef MYOFIN_LSTM_S8_H
#define MYOFIN_LSTM_S8_H

#include "myofin_lstm_types_s8.h"

#if MYOFIN_MVE
#include "myofin_lstm_mve_s8.h"
#else
#include "myofin_lstm_scalar_s8.h"
#endif

#endif
