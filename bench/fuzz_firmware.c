/*
 * The firmware's receive path under a fuzzer: bytes from the line, through COBS, CRC and the
 * application, into whatever a request does. Built with -DFUZZ_SEALED=1 an input is a script of
 * messages, whose CRC-32 is put right, so that the fuzzer gets past it; otherwise it is the line's
 * bytes.
 *
 * After each input all that the board sent must be whole frames, and a new session must work.
 */
#include "app.h"
#include "crc32.h"
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#define SENT_BYTES (1u << 20)
#define MESSAGE_BYTES FRAME_BYTES(BOARD_MAX_PAYLOAD_BYTES + 64u) /* somewhat more than it takes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_tally(uint64_t tally[3]);
/* Of the port that tests use, tests/data/host_port.c. */
void host_reset(void);
void host_receive(const uint8_t *bytes, size_t size);
size_t host_take(uint8_t *to, size_t room);
bool host_sample(const int16_t *counts, uint32_t late);
bool host_step(void);

static uint8_t sent[SENT_BYTES];
static uint8_t body[MESSAGE_BYTES];
static uint8_t decoded[MESSAGE_BYTES];
/* Inputs, frames that the board sent in answer to them, and of these the refusals. */
static struct {
    uint64_t inputs, answers, refusals;
} seen;

void fuzz_tally(uint64_t tally[3]) {
    tally[0] = seen.inputs;
    tally[1] = seen.answers;
    tally[2] = seen.refusals;
}

static void line(uint8_t byte) {
    host_receive(&byte, 1u);
}

static void send_message(uint8_t type, uint16_t sequence, size_t payload) {
    const size_t size = frame_seal(body, type, sequence, body + WIRE_HEADER_BYTES + payload);
    cobs_send(body, size, line);
}

/* Whether a piece between zeros is what the board may say as text. */
static bool is_text(const uint8_t *piece, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if ((piece[i] < ' ' || piece[i] > '~') && piece[i] != '\r' && piece[i] != '\n') {
            return false;
        }
    }
    return size == 0u || FUZZ_MODE != 1;
}

static bool is_frame(size_t length) {
    return length >= FRAME_BYTES(0u) && (decoded[0] & 0x80u) != 0u &&
           crc32_of(decoded, length - WIRE_CRC_BYTES) ==
               wire_get_u32(decoded + length - WIRE_CRC_BYTES);
}

/* Every byte that the board sent belongs to a frame whose CRC-32 holds, or to text. Returns the
 * number of frames. */
static uint32_t check_sent(uint8_t *last_type) {
    const size_t size = host_take(sent, sizeof sent);
    cobs_decoder_t decoder;
    uint32_t frames = 0;
    size_t begin = 0;
    cobs_start(&decoder, decoded, sizeof decoded);
    for (size_t i = 0; i < size; i++) {
        const cobs_event_t event = cobs_take(&decoder, sent[i]);
        if (sent[i] != 0u) {
            continue;
        }
        const size_t length = decoder.length;
        if (event == COBS_FRAME && is_frame(length)) {
            *last_type = decoded[0];
            seen.refusals += decoded[0] == WIRE_ERROR ? 1u : 0u;
            frames++;
        } else if (!is_text(sent + begin, i - begin)) {
            abort();
        }
        begin = i + 1u;
    }
    if (!is_text(sent + begin, size - begin)) {
        abort();
    }
    return frames;
}

static void say_hello(uint16_t sequence, uint32_t session) {
    uint8_t *out = wire_put_u16(body + WIRE_HEADER_BYTES, WIRE_PROTOCOL_VERSION);
    (void)wire_put_u32(out, session);
    send_message(WIRE_HELLO, sequence, WIRE_HELLO_FIXED_BYTES);
}

#if FUZZ_MODE == 1
/* Let samples come in, and the main loop look at them. */
static void stream_on(size_t samples) {
    static const int16_t counts[MYOFIN_CHANNELS];
    for (size_t i = 0; i < samples; i++) {
        (void)host_sample(counts, (uint32_t)(i % 3u));
        (void)host_step();
    }
}

/* A script: [kind u8][sequence step u8][length u8][bytes], each a message. The bytes are repeated
 * to fill what the kind asks for. */
static void play(const uint8_t *script, size_t size) {
    static const uint8_t types[] = {WIRE_HELLO, WIRE_INJECT, WIRE_STATS, WIRE_STREAM, WIRE_CREDIT};
    uint16_t sequence = 0;
    say_hello(sequence, 1u);
    while (size >= 3u) {
        const uint8_t kind = script[0];
        const size_t given = script[2] < size - 3u ? script[2] : size - 3u;
        sequence = (uint16_t)(sequence + ((script[1] & 0xF0u) != 0u ? 1u : script[1]));
        size_t payload = given;
        if ((kind & 0x48u) == 0x48u) { /* a long one, also longer than the board takes */
            payload = (given * 32u) % (MESSAGE_BYTES - FRAME_BYTES(0u));
        }
        for (size_t i = 0; i < payload && given > 0u; i++) {
            body[WIRE_HEADER_BYTES + i] = script[3u + (i % given)];
        }
        uint8_t type = (kind & 0x20u) != 0u ? (uint8_t)(kind * 7u) : types[kind % sizeof types];
        if ((kind & 0x10u) != 0u) { /* an INJECT whose length is right */
            const uint32_t frames = given > 0u ? script[3] % 9u : 0u;
            type = WIRE_INJECT;
            body[WIRE_HEADER_BYTES + 5u] = (uint8_t)frames;
            payload = WIRE_INJECT_FIXED_BYTES + (frames * APP_FRAME_COUNT_BYTES);
        }
        if ((kind & 0x90u) == 0x90u) {
            stream_on(given); /* time for a stream that runs */
        } else if ((kind & 0x80u) != 0u) {
            host_receive(script + 3, given); /* bytes of the line, in between */
        } else {
            send_message(type, sequence, payload);
        }
        script += 3u + given;
        size -= 3u + given;
    }
}
#endif

#if FUZZ_MODE == 2
static void type_words(const uint8_t *words, size_t size) {
    static const char *const known[] = {
        "name%", "profile%", "timestamp%",   "results%",   "help%", "db ", "load ",
        "600",   "print%",   "infer ",       "1",          " 0",    "%",   "00ff7",
        "g",     "-",        "db load 600%", "infer 2 1%",
    };
    static const char thirty[] = "db 0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab%";
    bool filled = false; /* once an input, since it takes long */
    const size_t count = sizeof known / sizeof known[0];
    for (size_t i = 0; i < size; i++) {
        if (words[i] < count) {
            host_receive((const uint8_t *)known[words[i]], strlen(known[words[i]]));
        } else if (words[i] == 255u && !filled) {
            filled = true;
            for (uint32_t at = 0; at < MYOFIN_WINDOW_CODES; at += 30u) { /* fills a window */
                host_receive((const uint8_t *)thirty, sizeof thirty - 1u);
            }
        } else {
            line(words[i]);
        }
    }
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t last_type = 0;
    host_reset();
#if FUZZ_MODE == 1
    play(data, size);
#elif FUZZ_MODE == 2
    type_words(data, size);
#else
    host_receive(data, size);
#endif
    line(0u); /* ends whatever was begun: a frame too, if its CRC happens to hold */
    seen.inputs++;
    seen.answers += check_sent(&last_type);
    say_hello(0x1234u, 0x5EED5EEDu);
    if (check_sent(&last_type) != 1u || last_type != WIRE_HELLO_REPLY) {
        abort();
    }
    return 0;
}
