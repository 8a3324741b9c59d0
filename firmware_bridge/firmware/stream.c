#include "stream.h"

#include "afe.h"
#include "cobs.h"
#include "crc32.h"
#include "port.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "counts are sent as they lie in memory, which the protocol wants little-endian"
#endif
#if (1 + 3 + WIRE_SAMPLES_FIXED_BYTES) % 2 != 0
#error "the counts of a frame would lie at an odd address"
#endif

/* The interrupt has no argument, so this is where it finds the stream. */
static stream_t *source;

static bool is_before(uint32_t index, uint32_t other) {
    return (int32_t)(index - other) < 0;
}

void stream_init(stream_t *stream, myofin_state_t *model) {
    stream->model = model;
    source = stream;
}

static stream_frame_t *slot(stream_t *stream, uint32_t number) {
    return &stream->ring[number % BOARD_STREAM_FRAMES];
}

/* Whether one more frame may be sent. */
static bool has_credit(const stream_t *stream) {
    return !is_before(stream->credit, stream->sent + MYOFIN_FRAME_SAMPLES);
}

/* Whether a frame waits that may be sent. */
static bool is_ready(const stream_t *stream) {
    return stream->running && !stream->held && stream->filled != stream->taken &&
           has_credit(stream);
}

bool firmware_has_work(void) {
    return is_ready(source);
}

static void begin_frame(stream_t *stream) {
    stream->skipping = stream->filled - stream->taken == BOARD_STREAM_FRAMES;
    if (!stream->skipping) {
        stream_frame_t *const frame = slot(stream, stream->filled);
        frame->index = stream->samples;
        frame->dropped = stream->dropped;
        frame->late_max = 0;
        frame->late_sum = 0;
    }
}

static void end_frame(stream_t *stream, uint32_t due) {
    stream->position = 0;
    if (stream->skipping) {
        stream->dropped += MYOFIN_FRAME_SAMPLES;
    } else {
        slot(stream, stream->filled)->due = due;
        stream->filled++;
    }
}

static void keep_sample(stream_t *stream, const int16_t *counts, uint32_t late) {
    stream_frame_t *const frame = slot(stream, stream->filled);
    memcpy(frame->counts + stream->position * MYOFIN_CHANNELS, counts,
           MYOFIN_CHANNELS * sizeof counts[0]);
    frame->late_sum += late;
    if (late > frame->late_max) {
        frame->late_max = late;
    }
}

void firmware_sample(const int16_t *counts, uint32_t late_ticks) {
    stream_t *const stream = source;
    if (!stream->sampling) {
        return;
    }
    const uint32_t due = afe_clock() - late_ticks;
    if (stream->position == 0u) {
        begin_frame(stream);
    }
    if (!stream->skipping) {
        keep_sample(stream, counts, late_ticks);
    }
    if (late_ticks > stream->late_max) {
        stream->late_max = late_ticks;
    }
    stream->samples++;
    stream->position++;
    if (stream->position == MYOFIN_FRAME_SAMPLES) {
        end_frame(stream, due);
        stream->sampling = stream->samples != stream->sample_limit;
    }
    stream->interrupt_ticks += afe_clock() - due - late_ticks;
}

void stream_stop(stream_t *stream) {
    stream->sampling = false;
    if (stream->running) {
        afe_stop();
    }
    stream->running = false;
    stream->held = false;
}

bool stream_start(stream_t *stream, const wire_stream_t *request) {
    stream_stop(stream);
    myofin_state_t *const model = stream->model;
    memset(stream, 0, sizeof *stream);
    stream->model = model;
    stream->deadline = request->deadline_ticks;
    /* Whole frames only: the stream ends between two. */
    stream->sample_limit = request->sample_limit - request->sample_limit % MYOFIN_FRAME_SAMPLES;
    stream->credit = request->credit;
    stream->may_hold = (request->flags & WIRE_STREAM_FLAG_HOLD) != 0u;
    myofin_init(stream->model);
    stream->sampling = true;
    stream->running = afe_start(request->period_ticks, MYOFIN_CHANNELS);
    stream->sampling = stream->running;
    return stream->running;
}

bool stream_runs(const stream_t *stream) {
    return stream->running;
}

/* Hold at the end of the credit and not when the next frame finds none: then the host's answer
 * comes while time stands still, and does not disturb what is measured. */
static void hold_without_credit(stream_t *stream) {
    const bool wanted = stream->may_hold && stream->sampling && !has_credit(stream);
    if (wanted != stream->held) {
        stream->held = afe_hold(wanted) && wanted;
    }
}

void stream_credit(stream_t *stream, uint32_t until) {
    if (stream->running && is_before(stream->credit, until)) {
        stream->credit = until;
        hold_without_credit(stream);
    }
}

static uint32_t all_interrupts(const stream_t *stream) {
    return stream->interrupt_ticks + port_interrupt_ticks();
}

static void send_samples(stream_t *stream, stream_frame_t *frame) {
    const uint32_t interrupts = all_interrupts(stream);
    const wire_samples_t samples = {
        .index = frame->index,
        .dropped = frame->dropped,
        .codes_crc32 = crc32_of(myofin_newest_codes(stream->model), MYOFIN_FRAME_CODES),
        .late_max_ticks = frame->late_max,
        .late_sum_ticks = frame->late_sum,
        .interrupt_ticks = interrupts - stream->interrupt_ticks_before,
    };
    stream->interrupt_ticks_before = interrupts;
    uint8_t *const message = (uint8_t *)frame + 1;
    (void)wire_samples_put(frame->head + WIRE_HEADER_BYTES, &samples);
    const size_t size = frame_seal(message, WIRE_SAMPLES, WIRE_ANY_SEQUENCE,
                                   message + sizeof frame->head + sizeof frame->counts);
    cobs_send(message, size, port_write);
}

static void send_decision(stream_t *stream, const wire_decision_t *decision,
                          const myofin_value_t *features, const myofin_value_t *logits) {
    uint8_t *end = wire_decision_put(stream->decision + WIRE_HEADER_BYTES, decision);
    end = wire_put_bytes(end, features, MYOFIN_FEATURES * sizeof features[0]);
    end = wire_put_bytes(end, logits, MYOFIN_LOGITS * sizeof logits[0]);
    const size_t size = frame_seal(stream->decision, WIRE_DECISION, WIRE_ANY_SEQUENCE, end);
    cobs_send(stream->decision, size, port_write);
}

/* Push a frame, decide where a window is whole, and send both. */
static void decide(stream_t *stream, stream_frame_t *frame, uint32_t queue) {
    myofin_value_t features[MYOFIN_FEATURES];
    myofin_value_t logits[MYOFIN_LOGITS];
    const uint32_t interrupts = all_interrupts(stream);
    const uint32_t begun = afe_clock();
    const bool whole = myofin_push_frame(stream->model, frame->counts);
    const uint32_t pushed = afe_clock();
    if (!whole) {
        send_samples(stream, frame);
        return;
    }
    myofin_fin_held(stream->model, features);
    const uint32_t known = afe_clock();
    myofin_head(stream->model, logits);
    const uint32_t done = afe_clock();
    const bool missed = done - frame->due > stream->deadline;
    const wire_decision_t decision = {
        .index = frame->index,
        .front_end_ticks = pushed - begun,
        .fin_ticks = known - pushed,
        .head_ticks = done - known,
        .interrupt_ticks = all_interrupts(stream) - interrupts,
        .response_ticks = done - frame->due,
        .queue = (uint8_t)queue,
        .missed = missed ? 1u : 0u,
    };
    stream->decisions++;
    stream->missed += missed ? 1u : 0u;
    send_decision(stream, &decision, features, logits);
    send_samples(stream, frame);
}

/* After a stop nothing is sent any more, and the front end is not needed once its last frame left.
 */
static void end_of_stream(stream_t *stream) {
    if (!stream->sampling && stream->filled == stream->taken) {
        stream_stop(stream);
    }
}

bool stream_step(stream_t *stream) {
    if (!is_ready(stream)) {
        return false;
    }
    const uint32_t queue = stream->filled - stream->taken;
    stream_frame_t *const frame = slot(stream, stream->taken);
    if (queue > stream->queue_max) {
        stream->queue_max = queue;
    }
    if (frame->index != stream->next_index) {
        myofin_init(stream->model); /* no window reaches over a gap */
    }
    stream->next_index = frame->index + MYOFIN_FRAME_SAMPLES;
    decide(stream, frame, queue);
    stream->taken++;
    stream->sent += MYOFIN_FRAME_SAMPLES;
    hold_without_credit(stream);
    end_of_stream(stream);
    return true;
}

void stream_stats(const stream_t *stream, wire_stats_reply_t *stats) {
    stats->samples = stream->samples;
    stats->samples_dropped = stream->dropped;
    stats->decisions = stream->decisions;
    stats->deadlines_missed = stream->missed;
    stats->queue_max = stream->queue_max;
    stats->late_max_ticks = stream->late_max;
}
