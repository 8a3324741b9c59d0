/* clang-format off */
/* Generated from firmware_bridge/wire.py, do not edit: python -m myofin.firmware_bridge.wire_codegen --write */
#ifndef MYOFIN_WIRE_H
#define MYOFIN_WIRE_H

#include <stdint.h>
#include <string.h>

#define WIRE_PROTOCOL_VERSION 3u
#define WIRE_HEADER_BYTES 3u
#define WIRE_CRC_BYTES 4u
#define WIRE_ANY_SEQUENCE 0xFFFFu

#define WIRE_HELLO 0x01u
#define WIRE_HELLO_FIXED_BYTES 6u
#define WIRE_INJECT 0x02u
#define WIRE_INJECT_FIXED_BYTES 6u
#define WIRE_STATS 0x03u
#define WIRE_STATS_FIXED_BYTES 0u
#define WIRE_STREAM 0x10u
#define WIRE_STREAM_FIXED_BYTES 17u
#define WIRE_CREDIT 0x11u
#define WIRE_CREDIT_FIXED_BYTES 4u
#define WIRE_ACK 0x80u
#define WIRE_ACK_FIXED_BYTES 0u
#define WIRE_HELLO_REPLY 0x81u
#define WIRE_HELLO_REPLY_FIXED_BYTES 154u
#define WIRE_RESULT 0x82u
#define WIRE_RESULT_FIXED_BYTES 20u
#define WIRE_STATS_REPLY 0x83u
#define WIRE_STATS_REPLY_FIXED_BYTES 52u
#define WIRE_TRACE 0x8Fu
#define WIRE_TRACE_FIXED_BYTES 33u
#define WIRE_SAMPLES 0x90u
#define WIRE_SAMPLES_FIXED_BYTES 24u
#define WIRE_DECISION 0x91u
#define WIRE_DECISION_FIXED_BYTES 26u
#define WIRE_ERROR 0xFFu
#define WIRE_ERROR_FIXED_BYTES 5u

#define WIRE_SCHEME_FLOAT32 0u
#define WIRE_SCHEME_INT8 1u
#define WIRE_SCHEME_INT16X8 2u

#define WIRE_STATE_CONTRACT_RESET 0u
#define WIRE_STATE_CONTRACT_CARRY 1u

#define WIRE_COUNTER_KIND_CYCLES 0u
#define WIRE_COUNTER_KIND_INSTRUCTIONS 1u
#define WIRE_COUNTER_KIND_TICKS 2u

#define WIRE_INJECT_FLAG_RESET 1u
#define WIRE_INJECT_FLAG_DECIDE 2u
#define WIRE_INJECT_FLAG_WHOLE 4u
#define WIRE_INJECT_FLAG_TRACE 8u

#define WIRE_STREAM_FLAG_START 1u
#define WIRE_STREAM_FLAG_HOLD 2u

#define WIRE_ERROR_CODE_NO_SESSION 1u
#define WIRE_ERROR_CODE_PROTOCOL_VERSION 2u
#define WIRE_ERROR_CODE_UNKNOWN_TYPE 3u
#define WIRE_ERROR_CODE_BAD_PAYLOAD 4u
#define WIRE_ERROR_CODE_OUT_OF_SEQUENCE 5u
#define WIRE_ERROR_CODE_WINDOW_INCOMPLETE 6u
#define WIRE_ERROR_CODE_FAULT 7u
#define WIRE_ERROR_CODE_NO_FRONT_END 8u
#define WIRE_ERROR_CODE_STREAM_RUNS 9u

static inline uint8_t *wire_put_u8(uint8_t *out, uint8_t value) {
    out[0] = value;
    return out + 1;
}

static inline uint8_t *wire_put_u16(uint8_t *out, uint16_t value) {
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    return out + 2;
}

static inline uint8_t *wire_put_u32(uint8_t *out, uint32_t value) {
    out = wire_put_u16(out, (uint16_t)value);
    return wire_put_u16(out, (uint16_t)(value >> 16));
}

static inline uint8_t *wire_put_bytes(uint8_t *out, const void *bytes, uint32_t size) {
    memcpy(out, bytes, size);
    return out + size;
}

static inline uint8_t wire_get_u8(const uint8_t *in) {
    return in[0];
}

static inline uint16_t wire_get_u16(const uint8_t *in) {
    return (uint16_t)(in[0] | (in[1] << 8));
}

static inline uint32_t wire_get_u32(const uint8_t *in) {
    return wire_get_u16(in) | ((uint32_t)wire_get_u16(in + 2) << 16);
}

/* Starts a session: the board forgets earlier sequence numbers and its window. */
typedef struct {
    uint16_t protocol_version; /* protocol version of the host */
    uint32_t session; /* chosen at random by the host; a new value starts a new session */
} wire_hello_t;

/* `in` holds at least WIRE_HELLO_FIXED_BYTES. */
static inline wire_hello_t wire_hello_get(const uint8_t *in) {
    wire_hello_t message;
    message.protocol_version = wire_get_u16(in + 0);
    message.session = wire_get_u32(in + 2);
    return message;
}

/* Whole frames of raw counts; with flag DECIDE the board answers RESULT, else ACK. */
typedef struct {
    uint32_t index; /* number of the window, returned in RESULT */
    uint8_t flags; /* bit 0 RESET: new window first; bit 1 DECIDE after; bit 2 WHOLE: without reuse; bit 3 TRACE: send TRACE before the answer, in images built for it */
    uint8_t frame_count; /* frames in this message */
} wire_inject_t;

/* `in` holds at least WIRE_INJECT_FIXED_BYTES. */
static inline wire_inject_t wire_inject_get(const uint8_t *in) {
    wire_inject_t message;
    message.index = wire_get_u32(in + 0);
    message.flags = wire_get_u8(in + 4);
    message.frame_count = wire_get_u8(in + 5);
    return message;
}

/* Starts a stream, with the board as the source, or stops it (without flag START). */
typedef struct {
    uint8_t flags; /* bit 0 START; bit 1 HOLD: time stands still while the credit is used up */
    uint32_t period_ticks; /* counter ticks from sample to sample */
    uint32_t deadline_ticks; /* counter ticks a decision may take, from its last sample on */
    uint32_t sample_limit; /* samples of a channel after which the board stops; 0: when told */
    uint32_t credit; /* samples of a channel that the board may send before the first CREDIT */
} wire_stream_t;

/* `in` holds at least WIRE_STREAM_FIXED_BYTES. */
static inline wire_stream_t wire_stream_get(const uint8_t *in) {
    wire_stream_t message;
    message.flags = wire_get_u8(in + 0);
    message.period_ticks = wire_get_u32(in + 1);
    message.deadline_ticks = wire_get_u32(in + 5);
    message.sample_limit = wire_get_u32(in + 9);
    message.credit = wire_get_u32(in + 13);
    return message;
}

/* Lets a stream go on. Has no answer, and any sequence number. */
typedef struct {
    uint32_t until; /* samples of a channel that may be sent since the start; a lower one is stale */
} wire_credit_t;

/* `in` holds at least WIRE_CREDIT_FIXED_BYTES. */
static inline wire_credit_t wire_credit_get(const uint8_t *in) {
    wire_credit_t message;
    message.until = wire_get_u32(in + 0);
    return message;
}

/* Who the board is and what it runs; answers HELLO. */
typedef struct {
    uint16_t protocol_version; /* protocol version of the firmware */
    uint32_t session; /* the session of the request */
    char board[24]; /* name of the board */
    char engine[16]; /* what executes the network: c, tflm or tflm-cmsis-nn */
    uint8_t model_sha256[32]; /* SHA-256 of the model's .tflite */
    uint8_t build_id[32]; /* SHA-256 over sources, settings and compiler of the image */
    uint16_t channels; /* channels */
    uint16_t frame_samples; /* samples a channel in one frame */
    uint16_t frames; /* frames in one window */
    uint16_t features; /* outputs of the FIN */
    uint16_t logits; /* outputs of the head */
    uint8_t value_bytes; /* bytes of one output value */
    uint8_t scheme; /* 0 float32, 1 int8, 2 int16x8 */
    uint8_t state_contract; /* 0 reset, 1 carry */
    uint8_t counter_kind; /* 0 cycles, 1 instructions, 2 ticks */
    uint32_t counter_hz; /* ticks of the counter a second */
    uint32_t clock_hz; /* clock of the core */
    uint16_t max_payload; /* longest payload the board takes, bytes */
    uint32_t flash_code; /* bytes of code in flash */
    uint32_t flash_constants; /* bytes of constants in flash */
    uint32_t ram_static; /* bytes of static RAM, without the stack */
    uint32_t stack_bytes; /* bytes reserved for the stack */
    uint32_t arena_bytes; /* bytes that TFLM's network takes of its arena, 0 without TFLM */
} wire_hello_reply_t;

static inline uint8_t *wire_hello_reply_put(uint8_t *out, const wire_hello_reply_t *message) {
    out = wire_put_u16(out, message->protocol_version);
    out = wire_put_u32(out, message->session);
    out = wire_put_bytes(out, message->board, 24u);
    out = wire_put_bytes(out, message->engine, 16u);
    out = wire_put_bytes(out, message->model_sha256, 32u);
    out = wire_put_bytes(out, message->build_id, 32u);
    out = wire_put_u16(out, message->channels);
    out = wire_put_u16(out, message->frame_samples);
    out = wire_put_u16(out, message->frames);
    out = wire_put_u16(out, message->features);
    out = wire_put_u16(out, message->logits);
    out = wire_put_u8(out, message->value_bytes);
    out = wire_put_u8(out, message->scheme);
    out = wire_put_u8(out, message->state_contract);
    out = wire_put_u8(out, message->counter_kind);
    out = wire_put_u32(out, message->counter_hz);
    out = wire_put_u32(out, message->clock_hz);
    out = wire_put_u16(out, message->max_payload);
    out = wire_put_u32(out, message->flash_code);
    out = wire_put_u32(out, message->flash_constants);
    out = wire_put_u32(out, message->ram_static);
    out = wire_put_u32(out, message->stack_bytes);
    out = wire_put_u32(out, message->arena_bytes);
    return out;
}

/* One decision; answers INJECT with flag DECIDE. */
typedef struct {
    uint32_t index; /* the index of the request */
    uint32_t codes_crc32; /* CRC-32 of the window's codes, oldest frame first */
    uint32_t front_end_ticks; /* counter ticks in the front end since the window or decision before */
    uint32_t fin_ticks; /* counter ticks in the feature-imitating network */
    uint32_t head_ticks; /* counter ticks in the head */
} wire_result_t;

static inline uint8_t *wire_result_put(uint8_t *out, const wire_result_t *message) {
    out = wire_put_u32(out, message->index);
    out = wire_put_u32(out, message->codes_crc32);
    out = wire_put_u32(out, message->front_end_ticks);
    out = wire_put_u32(out, message->fin_ticks);
    out = wire_put_u32(out, message->head_ticks);
    return out;
}

/* Counters since reset; answers STATS. */
typedef struct {
    uint32_t frames_received; /* undamaged frames */
    uint32_t crc_errors; /* frames whose CRC-32 does not hold */
    uint32_t framing_errors; /* COBS errors and frames too short or too long, each a resync */
    uint32_t overruns; /* bytes lost because they were not taken in time */
    uint32_t duplicates; /* repeated requests that were answered without carrying them out again */
    uint32_t dropped; /* stale requests that were dropped */
    uint32_t stack_high_water; /* most bytes of stack ever used */
    uint32_t samples; /* samples of a channel taken since the stream began; all below too */
    uint32_t samples_dropped; /* of these, dropped because no frame was free */
    uint32_t decisions; /* decisions made */
    uint32_t deadlines_missed; /* decisions that took longer than the deadline */
    uint32_t queue_max; /* most whole frames that ever waited, with the one in work */
    uint32_t late_max_ticks; /* longest time from when a sample was due to its interrupt */
} wire_stats_reply_t;

static inline uint8_t *wire_stats_reply_put(uint8_t *out, const wire_stats_reply_t *message) {
    out = wire_put_u32(out, message->frames_received);
    out = wire_put_u32(out, message->crc_errors);
    out = wire_put_u32(out, message->framing_errors);
    out = wire_put_u32(out, message->overruns);
    out = wire_put_u32(out, message->duplicates);
    out = wire_put_u32(out, message->dropped);
    out = wire_put_u32(out, message->stack_high_water);
    out = wire_put_u32(out, message->samples);
    out = wire_put_u32(out, message->samples_dropped);
    out = wire_put_u32(out, message->decisions);
    out = wire_put_u32(out, message->deadlines_missed);
    out = wire_put_u32(out, message->queue_max);
    out = wire_put_u32(out, message->late_max_ticks);
    return out;
}

/* A piece of the values of one stage of the computation; unasked, sequence 0xFFFF. */
typedef struct {
    uint32_t number; /* counts these messages since reset: one missing is noticed */
    char name[24]; /* name of the stage */
    uint32_t first; /* place of the first value; 0 begins another record */
    uint8_t value_bytes; /* bytes of one value */
} wire_trace_t;

static inline uint8_t *wire_trace_put(uint8_t *out, const wire_trace_t *message) {
    out = wire_put_u32(out, message->number);
    out = wire_put_bytes(out, message->name, 24u);
    out = wire_put_u32(out, message->first);
    out = wire_put_u8(out, message->value_bytes);
    return out;
}

/* One frame of a stream. Unasked, with sequence 0xFFFF. */
typedef struct {
    uint32_t index; /* of the frame's first sample since the stream began */
    uint32_t dropped; /* samples dropped before it since the stream began */
    uint32_t codes_crc32; /* CRC-32 of the frame's codes */
    uint32_t late_max_ticks; /* longest time from when a sample of it was due to its interrupt */
    uint32_t late_sum_ticks; /* sum of these times */
    uint32_t interrupt_ticks; /* counter ticks in interrupts since the frame before was taken */
} wire_samples_t;

static inline uint8_t *wire_samples_put(uint8_t *out, const wire_samples_t *message) {
    out = wire_put_u32(out, message->index);
    out = wire_put_u32(out, message->dropped);
    out = wire_put_u32(out, message->codes_crc32);
    out = wire_put_u32(out, message->late_max_ticks);
    out = wire_put_u32(out, message->late_sum_ticks);
    out = wire_put_u32(out, message->interrupt_ticks);
    return out;
}

/* The decision on the window that ends with a frame. Unasked, with sequence 0xFFFF. */
typedef struct {
    uint32_t index; /* of the first sample of the window's last frame */
    uint32_t front_end_ticks; /* counter ticks in the front end, for the last frame */
    uint32_t fin_ticks; /* counter ticks in the feature-imitating network */
    uint32_t head_ticks; /* counter ticks in the head */
    uint32_t interrupt_ticks; /* of these three, counter ticks in interrupts */
    uint32_t response_ticks; /* counter ticks from when the last sample was due to the logits */
    uint8_t queue; /* whole frames that waited, with this one, when it was taken */
    uint8_t missed; /* 1 when the deadline was missed */
} wire_decision_t;

static inline uint8_t *wire_decision_put(uint8_t *out, const wire_decision_t *message) {
    out = wire_put_u32(out, message->index);
    out = wire_put_u32(out, message->front_end_ticks);
    out = wire_put_u32(out, message->fin_ticks);
    out = wire_put_u32(out, message->head_ticks);
    out = wire_put_u32(out, message->interrupt_ticks);
    out = wire_put_u32(out, message->response_ticks);
    out = wire_put_u8(out, message->queue);
    out = wire_put_u8(out, message->missed);
    return out;
}

/* The request was refused; FAULT comes unasked, with sequence 0xFFFF. */
typedef struct {
    uint8_t code; /* an error code */
    uint32_t detail; /* what it depends on */
} wire_error_t;

static inline uint8_t *wire_error_put(uint8_t *out, const wire_error_t *message) {
    out = wire_put_u8(out, message->code);
    out = wire_put_u32(out, message->detail);
    return out;
}

#endif
