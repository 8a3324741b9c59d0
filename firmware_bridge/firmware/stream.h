/* The board as the source of a stream: an interrupt fills a ring of frames, the main loop takes
 * whole frames out of it, decides at each, and sends samples and decision. */
#ifndef MYOFIN_STREAM_H
#define MYOFIN_STREAM_H

#include "build_config.h"
#include "frame.h"
#include "myofin_model.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

/* How many hops the main loop may lie behind before samples are dropped. */
#ifndef BOARD_STREAM_FRAMES
#define BOARD_STREAM_FRAMES 8u
#endif
#define STREAM_VALUE_BYTES ((MYOFIN_FEATURES + MYOFIN_LOGITS) * sizeof(myofin_value_t))
#define STREAM_DECISION_BYTES FRAME_BYTES(WIRE_DECISION_FIXED_BYTES + STREAM_VALUE_BYTES)

/* One frame of samples, laid out as the SAMPLES message that it is sent as. */
typedef struct {
    uint8_t unused; /* brings the counts to an even address */
    uint8_t head[WIRE_HEADER_BYTES + WIRE_SAMPLES_FIXED_BYTES];
    int16_t counts[MYOFIN_FRAME_CODES];
    uint8_t check[WIRE_CRC_BYTES];
    uint32_t index;   /* of its first sample */
    uint32_t dropped; /* samples dropped before it */
    uint32_t due;     /* the clock when its last sample was due */
    uint32_t late_max, late_sum;
} stream_frame_t;

/* Zeroed, then stream_init. */
typedef struct {
    myofin_state_t *model;
    stream_frame_t ring[BOARD_STREAM_FRAMES];
    uint8_t decision[STREAM_DECISION_BYTES];
    uint32_t deadline, sample_limit, credit;
    bool running, may_hold, held;

    /* Written in the interrupt. */
    volatile uint32_t filled; /* frames put into the ring; `taken` is the other end's */
    volatile uint32_t samples, dropped, late_max, interrupt_ticks;
    volatile bool sampling;
    uint32_t position; /* of the next sample in its frame */
    bool skipping;     /* no frame was free when this one began */

    /* Written in the main loop. */
    volatile uint32_t taken;
    uint32_t sent;       /* samples of a channel */
    uint32_t next_index; /* where the frame after the last one begins, when none was dropped */
    uint32_t interrupt_ticks_before;
    uint32_t decisions, missed, queue_max;
} stream_t;

void stream_init(stream_t *stream, myofin_state_t *model);

/* Begin; a stream that runs is ended. False when the front end refuses; nothing runs then. */
bool stream_start(stream_t *stream, const wire_stream_t *request);

void stream_stop(stream_t *stream);

/* Whether the front end samples, or frames wait: until then the model's state is the stream's. */
bool stream_runs(const stream_t *stream);

/* Raise the credit. */
void stream_credit(stream_t *stream, uint32_t until);

/* Take one frame, decide and send; false when there is nothing to do. */
bool stream_step(stream_t *stream);

/* Fill in what STATS tells of the stream. */
void stream_stats(const stream_t *stream, wire_stats_reply_t *stats);

#endif
