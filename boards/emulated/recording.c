#include "recording.h"

#include "build_config.h"

#define MAGIC 0x474D4573u /* "sEMG", little-endian: nothing else lies here by chance */

/* firmware_bridge/board_recording.py writes it. */
typedef struct {
    uint32_t magic;
    uint32_t channels;
    uint32_t samples;
} header_t;

#define HEADER ((const volatile header_t *)BOARD_RECORDING_BASE)
#define COUNTS ((const int16_t *)(BOARD_RECORDING_BASE + sizeof(header_t)))

static struct {
    uint32_t channels, values, next;
} recording;

bool recording_open(uint32_t channels) {
    if (HEADER->magic != MAGIC || HEADER->channels != channels || HEADER->samples == 0u) {
        return false;
    }
    recording.channels = channels;
    recording.values = channels * HEADER->samples;
    recording.next = 0;
    return true;
}

const int16_t *recording_next(void) {
    const int16_t *const counts = COUNTS + recording.next;
    recording.next += recording.channels;
    if (recording.next == recording.values) {
        recording.next = 0;
    }
    return counts;
}
