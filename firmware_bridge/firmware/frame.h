/* Frames to the host: type, sequence number, payload and CRC-32, sent through COBS. */
#ifndef MYOFIN_FRAME_H
#define MYOFIN_FRAME_H

#include "wire.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a frame with `payload` bytes. */
#define FRAME_BYTES(payload) (WIRE_HEADER_BYTES + (payload) + WIRE_CRC_BYTES)

/* Close the frame around the payload that ends at `end`, returning its whole size. The payload
 * begins WIRE_HEADER_BYTES after `frame`, and WIRE_CRC_BYTES follow it. */
size_t frame_seal(uint8_t *frame, uint8_t type, uint16_t sequence, const uint8_t *end);

/* Send a sealed frame, and return when it has left. */
void frame_send(const uint8_t *frame, size_t size);

#endif
