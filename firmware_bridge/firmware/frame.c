#include "frame.h"

#include "cobs.h"
#include "crc32.h"
#include "port.h"

size_t frame_seal(uint8_t *frame, uint8_t type, uint16_t sequence, const uint8_t *end) {
    (void)wire_put_u16(wire_put_u8(frame, type), sequence);
    const size_t checked = (size_t)(end - frame);
    (void)wire_put_u32(frame + checked, crc32_of(frame, checked));
    return checked + WIRE_CRC_BYTES;
}

void frame_send(const uint8_t *frame, size_t size) {
    cobs_send(frame, size, port_write);
    port_flush();
}
