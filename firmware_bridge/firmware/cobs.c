#include "cobs.h"

#define BLOCK_MAX 254u

static void next_frame(cobs_decoder_t *decoder) {
    decoder->length = 0;
    decoder->block = 0;
    decoder->zero_follows = false;
    decoder->started = false;
    decoder->overflow = false;
}

void cobs_start(cobs_decoder_t *decoder, uint8_t *buffer, size_t capacity) {
    decoder->buffer = buffer;
    decoder->capacity = capacity;
    next_frame(decoder);
}

static void append(cobs_decoder_t *decoder, uint8_t byte) {
    if (decoder->length == decoder->capacity) {
        decoder->overflow = true;
        return;
    }
    decoder->buffer[decoder->length++] = byte;
}

static cobs_event_t end_frame(cobs_decoder_t *decoder) {
    cobs_event_t event = COBS_FRAME;
    const size_t length = decoder->length;
    if (!decoder->started) {
        event = COBS_MORE; /* delimiters in a row */
    } else if (decoder->block != 0u || decoder->overflow) {
        event = COBS_DAMAGED;
    }
    next_frame(decoder);
    decoder->length = event == COBS_FRAME ? length : 0;
    return event;
}

cobs_event_t cobs_take(cobs_decoder_t *decoder, uint8_t byte) {
    if (byte == 0u) {
        return end_frame(decoder);
    }
    if (!decoder->started) {
        decoder->started = true;
        decoder->length = 0;
    }
    if (decoder->block == 0u) {
        if (decoder->zero_follows) {
            append(decoder, 0u);
        }
        decoder->block = (uint8_t)(byte - 1u);
        decoder->zero_follows = decoder->block != BLOCK_MAX;
        return COBS_MORE;
    }
    append(decoder, byte);
    decoder->block--;
    return COBS_MORE;
}

void cobs_send(const uint8_t *data, size_t size, cobs_sink_t sink) {
    size_t begin = 0;
    sink(0u);
    for (;;) {
        size_t end = begin;
        while (end < size && data[end] != 0u && end - begin < BLOCK_MAX) {
            end++;
        }
        sink((uint8_t)(end - begin + 1u));
        for (size_t i = begin; i < end; i++) {
            sink(data[i]);
        }
        if (end == size) {
            break;
        }
        /* A full block stands for no zero; any other block swallows the one it stopped at. */
        begin = end - begin == BLOCK_MAX ? end : end + 1u;
    }
    sink(0u);
}
