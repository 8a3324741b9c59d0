/*
 * What a traced build tells of a computation while it goes on; in other builds nothing is left of
 * it. Define MYOFIN_TRACE and give a function myofin_trace to have it.
 */
#ifndef MYOFIN_TRACE_H
#define MYOFIN_TRACE_H

#include <stdint.h>

#ifdef MYOFIN_TRACE

/* Values `first` and on of a record of the stage `name`; 0 begins another record of it. */
void myofin_trace(const char *name, uint32_t first, const void *values, uint32_t count,
                  uint32_t value_bytes);

#define MYOFIN_TRACED(name, values, count)                                                         \
    myofin_trace(name, 0u, values, count, (uint32_t)sizeof((values)[0]))

#define MYOFIN_TRACED_GATES(name, gates, units) myofin_trace_gates(name, gates, units)

/* Cells of an LSTM, then its hidden values. */
#define MYOFIN_TRACED_STATE(name, cells, hidden, units)                                            \
    do {                                                                                           \
        myofin_trace(name, 0u, cells, units, (uint32_t)sizeof((cells)[0]));                        \
        myofin_trace(name, units, hidden, units, (uint32_t)sizeof((hidden)[0]));                   \
    } while (0)

#define MYOFIN_TRACE_PIECE 64u

/* The gates of a step as [unit][gate], which is how all kernels but Helium's have them. */
static inline void myofin_trace_gates(const char *name, const int16_t *gates, uint32_t units) {
    int16_t piece[MYOFIN_TRACE_PIECE];
    uint32_t held = 0;
    for (uint32_t i = 0; i < (4u * units); i++) {
#if MYOFIN_MVE
        piece[held] = gates[((i % 4u) * units) + (i / 4u)];
#else
        piece[held] = gates[i];
#endif
        held++;
        if ((held == MYOFIN_TRACE_PIECE) || ((i + 1u) == (4u * units))) {
            myofin_trace(name, i + 1u - held, piece, held, (uint32_t)sizeof(piece[0]));
            held = 0;
        }
    }
}

#else

#define MYOFIN_TRACED(name, values, count)
#define MYOFIN_TRACED_STATE(name, cells, hidden, units)
#define MYOFIN_TRACED_GATES(name, gates, units)

#endif
#endif
