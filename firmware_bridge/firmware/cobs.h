/* Consistent Overhead Byte Stuffing: a decoder that takes byte by byte, an encoder into a sink. */
#ifndef MYOFIN_COBS_H
#define MYOFIN_COBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    COBS_MORE,    /* the frame goes on */
    COBS_FRAME,   /* a frame is complete: `length` bytes in the buffer */
    COBS_DAMAGED, /* the bytes before this delimiter were no frame, or too long */
} cobs_event_t;

typedef struct {
    uint8_t *buffer;
    size_t capacity;
    size_t length;
    uint8_t block;     /* bytes left in the current block */
    bool zero_follows; /* a zero stands after the current block, unless the frame ends there */
    bool started;
    bool overflow;
} cobs_decoder_t;

void cobs_start(cobs_decoder_t *decoder, uint8_t *buffer, size_t capacity);

/* Take one byte. After COBS_FRAME the buffer is the caller's until the next byte. */
cobs_event_t cobs_take(cobs_decoder_t *decoder, uint8_t byte);

typedef void (*cobs_sink_t)(uint8_t byte);

/* Send `size` bytes between two delimiters. */
void cobs_send(const uint8_t *data, size_t size, cobs_sink_t sink);

#endif
