#include "trace.h"

#ifdef MYOFIN_TRACE

#include "frame.h"
#include "myofin_trace.h"

#include <string.h>

#define TRACE_VALUES_BYTES 128u
#define TRACE_FRAME_BYTES FRAME_BYTES(WIRE_TRACE_FIXED_BYTES + TRACE_VALUES_BYTES)

/* The engine's hook has no argument of ours. */
static struct {
    bool on;
    uint32_t number;
} trace;

void trace_send(bool on) {
    trace.on = on;
}

static void send_piece(const char *name, uint32_t first, const uint8_t *values, uint32_t bytes,
                       uint32_t value_bytes) {
    uint8_t frame[TRACE_FRAME_BYTES] = {0};
    wire_trace_t piece = {
        .number = trace.number++,
        .first = first,
        .value_bytes = (uint8_t)value_bytes,
    };
    strncpy(piece.name, name, sizeof piece.name - 1u);
    uint8_t *out = wire_trace_put(frame + WIRE_HEADER_BYTES, &piece);
    out = wire_put_bytes(out, values, bytes);
    frame_send(frame, frame_seal(frame, WIRE_TRACE, WIRE_ANY_SEQUENCE, out));
}

void myofin_trace(const char *name, uint32_t first, const void *values, uint32_t count,
                  uint32_t value_bytes) {
    if (!trace.on) {
        return;
    }
    const uint8_t *bytes = values;
    uint32_t left = count * value_bytes;
    while (left > 0u) {
        const uint32_t now = left < TRACE_VALUES_BYTES ? left : TRACE_VALUES_BYTES;
        send_piece(name, first, bytes, now, value_bytes);
        first += now / value_bytes;
        bytes += now;
        left -= now;
    }
}

#endif
