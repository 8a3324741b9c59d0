#include "app.h"

#include "crc32.h"
#include "frame.h"
#include "port.h"
#include "trace.h"

#include <string.h>

/* A reply in the making: `payload` is where the next bytes go. */
static uint8_t *payload_of(app_t *app) {
    return app->reply + WIRE_HEADER_BYTES;
}

static void answer(app_t *app, uint8_t type, uint16_t sequence, const uint8_t *end) {
    app->reply_bytes = frame_seal(app->reply, type, sequence, end);
    frame_send(app->reply, app->reply_bytes);
}

/* Refusals go out from a buffer of their own: they must not displace the answer that is kept. */
#define ERROR_FRAME_BYTES (WIRE_HEADER_BYTES + WIRE_ERROR_FIXED_BYTES + WIRE_CRC_BYTES)

static size_t error_frame(uint8_t frame[ERROR_FRAME_BYTES], uint16_t sequence, uint8_t code,
                          uint32_t detail) {
    const wire_error_t error = {.code = code, .detail = detail};
    return frame_seal(frame, WIRE_ERROR, sequence,
                      wire_error_put(frame + WIRE_HEADER_BYTES, &error));
}

static void refuse(uint16_t sequence, uint8_t code, uint32_t detail) {
    uint8_t frame[ERROR_FRAME_BYTES] = {0};
    frame_send(frame, error_frame(frame, sequence, code, detail));
}

void firmware_fault(uint32_t pc) {
    uint8_t frame[ERROR_FRAME_BYTES] = {0};
    const size_t size = error_frame(frame, WIRE_ANY_SEQUENCE, WIRE_ERROR_CODE_FAULT, pc);
    cobs_send(frame, size, port_write_in_fault);
}

/* Answer with an error that is kept like any other answer. */
static void answer_error(app_t *app, uint16_t sequence, uint8_t code, uint32_t detail) {
    const wire_error_t error = {.code = code, .detail = detail};
    answer(app, WIRE_ERROR, sequence, wire_error_put(payload_of(app), &error));
}

static void new_window(app_t *app) {
    myofin_init(app->model);
    app->window_full = false;
    app->frames_held = 0;
    app->front_end_ticks = 0;
}

/* Bytes of an interpreter's arena that the network takes; 0 too where it could not be set up. */
static uint32_t arena_bytes(void) {
#ifdef MYOFIN_HAS_ARENA
    return myofin_arena_used();
#else
    return 0;
#endif
}

static void answer_hello(app_t *app, uint16_t sequence) {
    const port_sizes_t sizes = port_sizes();
    wire_hello_reply_t hello = {
        .protocol_version = WIRE_PROTOCOL_VERSION,
        .session = app->session,
        .board = BOARD_NAME,
        .engine = ENGINE_NAME,
        .build_id = BUILD_ID,
        .channels = MYOFIN_CHANNELS,
        .frame_samples = MYOFIN_FRAME_SAMPLES,
        .frames = MYOFIN_FRAMES,
        .features = MYOFIN_FEATURES,
        .logits = MYOFIN_LOGITS,
        .value_bytes = sizeof(myofin_value_t),
        .scheme = MYOFIN_SCHEME,
        .state_contract = MYOFIN_STATE_CONTRACT,
        .counter_kind = BOARD_COUNTER_KIND,
        .counter_hz = BOARD_COUNTER_HZ,
        .clock_hz = BOARD_CLOCK_HZ,
        .max_payload = BOARD_MAX_PAYLOAD_BYTES,
        .flash_code = sizes.flash_code,
        .flash_constants = sizes.flash_constants,
        .ram_static = sizes.ram_static,
        .stack_bytes = sizes.stack_bytes,
        .arena_bytes = arena_bytes(),
    };
    memcpy(hello.model_sha256, myofin_model_sha256, sizeof hello.model_sha256);
    answer(app, WIRE_HELLO_REPLY, sequence, wire_hello_reply_put(payload_of(app), &hello));
}

/* With `whole` the window is computed anew; without it, what its frames share with others is
 * reused. Where the state is carried from step to step, a step cannot be taken again. */
static void answer_result(app_t *app, uint16_t sequence, uint32_t index, bool whole) {
    const int8_t *const codes = myofin_window_codes(app->model);
    port_stopwatch_start();
    if (whole && (MYOFIN_STATE_CONTRACT == 0u)) {
        myofin_fin(app->model, codes, app->features);
    } else {
        myofin_fin_held(app->model, app->features);
    }
    const uint32_t fin_ticks = port_stopwatch_stop();
    port_stopwatch_start();
    myofin_head(app->model, app->logits);
    const uint32_t head_ticks = port_stopwatch_stop();
    const wire_result_t result = {
        .index = index,
        .codes_crc32 = crc32_of(codes, MYOFIN_WINDOW_CODES),
        .front_end_ticks = app->front_end_ticks,
        .fin_ticks = fin_ticks,
        .head_ticks = head_ticks,
    };
    app->front_end_ticks = 0;
    uint8_t *out = wire_result_put(payload_of(app), &result);
    out = wire_put_bytes(out, app->features, sizeof app->features);
    out = wire_put_bytes(out, app->logits, sizeof app->logits);
    answer(app, WIRE_RESULT, sequence, out);
}

static void push_frames(app_t *app, const uint8_t *counts, uint32_t frames) {
    for (uint32_t f = 0; f < frames; f++) {
        for (uint32_t i = 0; i < MYOFIN_FRAME_CODES; i++) {
            app->frame[i] = (int16_t)wire_get_u16(counts);
            counts += 2;
        }
        port_stopwatch_start();
        app->window_full = myofin_push_frame(app->model, app->frame);
        app->front_end_ticks += port_stopwatch_stop();
        app->frames_held++;
    }
}

static void take_inject(app_t *app, uint16_t sequence, const uint8_t *payload) {
    const wire_inject_t inject = wire_inject_get(payload);
    const bool decide = (inject.flags & WIRE_INJECT_FLAG_DECIDE) != 0u;
    if ((inject.flags & WIRE_INJECT_FLAG_RESET) != 0u) {
        new_window(app);
    }
    trace_send((inject.flags & WIRE_INJECT_FLAG_TRACE) != 0u);
    push_frames(app, payload + WIRE_INJECT_FIXED_BYTES, inject.frame_count);
    if (!decide) {
        answer(app, WIRE_ACK, sequence, payload_of(app));
    } else if (app->window_full) {
        answer_result(app, sequence, inject.index, (inject.flags & WIRE_INJECT_FLAG_WHOLE) != 0u);
    } else {
        answer_error(app, sequence, WIRE_ERROR_CODE_WINDOW_INCOMPLETE, app->frames_held);
    }
    trace_send(false);
}

static void answer_stats(app_t *app, uint16_t sequence) {
    app->stats.overruns = port_overruns();
    app->stats.stack_high_water = port_stack_high_water();
    stream_stats(app->stream, &app->stats);
    answer(app, WIRE_STATS_REPLY, sequence, wire_stats_reply_put(payload_of(app), &app->stats));
}

static void take_stream(app_t *app, uint16_t sequence, const uint8_t *payload) {
    const wire_stream_t request = wire_stream_get(payload);
    if ((request.flags & WIRE_STREAM_FLAG_START) == 0u) {
        stream_stop(app->stream);
    } else if (!stream_start(app->stream, &request)) {
        answer_error(app, sequence, WIRE_ERROR_CODE_NO_FRONT_END, request.period_ticks);
        return;
    }
    new_window(app);
    answer(app, WIRE_ACK, sequence, payload_of(app));
}

/* Whether a payload has the size that its type asks for. */
static bool payload_fits(uint8_t type, const uint8_t *payload, size_t size) {
    if (type == WIRE_INJECT) {
        return size >= WIRE_INJECT_FIXED_BYTES &&
               size - WIRE_INJECT_FIXED_BYTES ==
                   wire_inject_get(payload).frame_count * APP_FRAME_COUNT_BYTES;
    }
    if (type == WIRE_STREAM) {
        return size == WIRE_STREAM_FIXED_BYTES;
    }
    return type == WIRE_STATS ? size == WIRE_STATS_FIXED_BYTES : size == WIRE_HELLO_FIXED_BYTES;
}

/* Requests are carried out once: true when this one is new and in order. */
static bool is_next(app_t *app, uint16_t sequence) {
    const uint16_t ahead = (uint16_t)(sequence - app->last_sequence);
    if (ahead == 1u) {
        return true;
    }
    if (ahead == 0u) {
        app->stats.duplicates++;
        frame_send(app->reply, app->reply_bytes);
    } else if (ahead >= 0x8000u) {
        app->stats.dropped++;
    } else {
        refuse(sequence, WIRE_ERROR_CODE_OUT_OF_SEQUENCE, app->last_sequence);
    }
    return false;
}

static void carry_out(app_t *app, uint8_t type, uint16_t sequence, const uint8_t *payload,
                      size_t size) {
    app->last_sequence = sequence;
    if (type != WIRE_HELLO && type != WIRE_INJECT && type != WIRE_STATS && type != WIRE_STREAM) {
        answer_error(app, sequence, WIRE_ERROR_CODE_UNKNOWN_TYPE, type);
    } else if (!payload_fits(type, payload, size)) {
        answer_error(app, sequence, WIRE_ERROR_CODE_BAD_PAYLOAD, APP_FRAME_COUNT_BYTES);
    } else if (type == WIRE_HELLO) {
        answer_hello(app, sequence);
    } else if (type == WIRE_STREAM) {
        take_stream(app, sequence, payload);
    } else if (type == WIRE_INJECT && stream_runs(app->stream)) {
        answer_error(app, sequence, WIRE_ERROR_CODE_STREAM_RUNS, 0);
    } else if (type == WIRE_INJECT) {
        take_inject(app, sequence, payload);
    } else {
        answer_stats(app, sequence);
    }
}

/* Whether a HELLO is well formed and in our version; a new session number starts a session. */
static bool accept_hello(app_t *app, uint16_t sequence, const uint8_t *payload, size_t size) {
    /* Whatever later versions add, the version number stands first. */
    if (size != WIRE_HELLO_FIXED_BYTES ||
        wire_hello_get(payload).protocol_version != WIRE_PROTOCOL_VERSION) {
        refuse(sequence, WIRE_ERROR_CODE_PROTOCOL_VERSION, WIRE_PROTOCOL_VERSION);
        return false;
    }
    const uint32_t session = wire_hello_get(payload).session;
    if (!app->in_session || app->session != session) {
        app->in_session = true;
        app->session = session;
        app->last_sequence = (uint16_t)(sequence - 1u);
        stream_stop(app->stream);
        new_window(app);
    }
    return true;
}

/* Not answered and in no order, so that it costs little: a lower credit is a stale one. */
static void take_credit(app_t *app, const uint8_t *payload, size_t size) {
    if (size == WIRE_CREDIT_FIXED_BYTES) {
        stream_credit(app->stream, wire_credit_get(payload).until);
    }
}

static void take_request(app_t *app, const uint8_t *frame, size_t size) {
    const uint8_t type = wire_get_u8(frame);
    const uint16_t sequence = wire_get_u16(frame + 1);
    const uint8_t *const payload = frame + WIRE_HEADER_BYTES;
    const size_t payload_bytes = size - WIRE_HEADER_BYTES;
    if (type == WIRE_HELLO && !accept_hello(app, sequence, payload, payload_bytes)) {
        return;
    }
    if (!app->in_session) {
        refuse(sequence, WIRE_ERROR_CODE_NO_SESSION, 0);
    } else if (type == WIRE_CREDIT) {
        take_credit(app, payload, payload_bytes);
    } else if (is_next(app, sequence)) {
        carry_out(app, type, sequence, payload, payload_bytes);
    }
}

static void take_frame(app_t *app, const uint8_t *frame, size_t size) {
    if (size < WIRE_HEADER_BYTES + WIRE_CRC_BYTES) {
        app->stats.framing_errors++;
        return;
    }
    const size_t checked = size - WIRE_CRC_BYTES;
    if (crc32_of(frame, checked) != wire_get_u32(frame + checked)) {
        app->stats.crc_errors++;
        return;
    }
    app->stats.frames_received++;
    take_request(app, frame, checked);
}

void app_start(app_t *app, myofin_state_t *model, stream_t *stream) {
    app->model = model;
    app->stream = stream;
    stream_init(stream, model);
    app->text.model = model;
    cobs_start(&app->decoder, app->request, sizeof app->request);
    new_window(app);
}

void app_receive(app_t *app, uint8_t byte) {
    const cobs_event_t event = cobs_take(&app->decoder, byte);
    if (event == COBS_DAMAGED) {
        app->stats.framing_errors++;
    } else if (event == COBS_FRAME) {
        take_frame(app, app->request, app->decoder.length);
    }
    if (!app->in_session) {
        mlperf_receive(&app->text, byte);
    }
}
