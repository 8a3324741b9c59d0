#include "mlperf.h"

#include "build_config.h"
#include "port.h"

#include <string.h>

#define TERMINATOR '%'
#define NUMBER_LIMIT 100000u /* nobody waits for more inferences */
#define PRINTED_A_LINE 8u
#define DECIMAL_DIGITS 10u

static void put(const char *text) {
    while (*text != '\0') {
        port_write((uint8_t)*text++);
    }
}

static void put_number(uint32_t number) {
    char digits[DECIMAL_DIGITS + 1u] = {0};
    uint32_t at = DECIMAL_DIGITS;
    do {
        digits[--at] = (char)('0' + (char)(number % 10u));
        number /= 10u;
    } while (number != 0u);
    put(digits + at);
}

static void put_hex(uint8_t byte) {
    static const char digits[] = "0123456789abcdef";
    port_write((uint8_t)digits[byte >> 4]);
    port_write((uint8_t)digits[byte & 15u]);
}

static void put_signed(int32_t number) {
    put(number < 0 ? "-" : "");
    put_number(number < 0 ? 0u - (uint32_t)number : (uint32_t)number);
}

/* An integer as it is; a float in thousandths, within what an int32_t holds. */
static void put_value(myofin_value_t value) {
#if MYOFIN_SCHEME == 0u
    const float limit = 2.0e6f;
    const float known = value == value ? value : 0.0f;
    const float bounded = known > limit ? limit : known < -limit ? -limit : known;
    put_signed((int32_t)(bounded * 1000.0f));
    put("e-3");
#else
    put_signed(value);
#endif
}

/* The next word of a command; NULL when there is none. Words are ended in place. */
static char *next_word(char **rest) {
    char *word = *rest;
    while (*word == ' ') {
        word++;
    }
    char *end = word;
    while (*end != '\0' && *end != ' ') {
        end++;
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return *word == '\0' ? NULL : word;
}

/* A decimal number below the limit; the limit where it is none. */
static uint32_t number_of(const char *word) {
    uint32_t number = 0;
    for (; word != NULL && *word != '\0'; word++) {
        if (*word < '0' || *word > '9' || number >= NUMBER_LIMIT) {
            return NUMBER_LIMIT;
        }
        number = (10u * number) + (uint32_t)(*word - '0');
    }
    return number < NUMBER_LIMIT ? number : NUMBER_LIMIT;
}

static int32_t hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void db_load(mlperf_t *mlperf, const char *word) {
    const uint32_t bytes = word == NULL ? 0u : number_of(word);
    if (bytes != MYOFIN_WINDOW_CODES) {
        put("e-[A window has ");
        put_number(MYOFIN_WINDOW_CODES);
        put(" bytes of codes]\r\n");
        return;
    }
    mlperf->expected = bytes;
    mlperf->loaded = 0;
    put("m-[Expecting ");
    put_number(bytes);
    put(" bytes]\r\n");
}

static void db_bytes(mlperf_t *mlperf, const char *digits) {
    for (; *digits != '\0' && mlperf->loaded < mlperf->expected; digits += 2) {
        const int32_t high = hex_digit(digits[0]);
        const int32_t low = high < 0 ? -1 : hex_digit(digits[1]);
        if (low < 0) {
            put("e-[Bytes are two hexadecimal digits each]\r\n");
            return;
        }
        mlperf->model->window[mlperf->loaded++] = (int8_t)(uint8_t)((high << 4) | low);
        if (mlperf->loaded == mlperf->expected) {
            put("m-load-done\r\n");
        }
    }
}

static void db_print(const mlperf_t *mlperf) {
    for (uint32_t i = 0; i < mlperf->loaded; i++) {
        put(i % PRINTED_A_LINE == 0u ? "m-buffer-" : "-");
        put_hex((uint8_t)mlperf->model->window[i]);
        if ((i + 1u) % PRINTED_A_LINE == 0u || i + 1u == mlperf->loaded) {
            put("\r\n");
        }
    }
}

static void db(mlperf_t *mlperf, char *rest) {
    const char *word = next_word(&rest);
    if (word == NULL) {
        put("e-[Command 'db' needs load, print or bytes]\r\n");
    } else if (strcmp(word, "load") == 0) {
        db_load(mlperf, next_word(&rest));
    } else if (strcmp(word, "print") == 0) {
        db_print(mlperf);
    } else {
        db_bytes(mlperf, word);
    }
}

static void timestamp(const mlperf_t *mlperf) {
    put("m-lap-us-");
    put_number((mlperf->elapsed_ms * 1000u) +
               ((mlperf->elapsed_ticks * 1000u) / BOARD_LAP_TICKS_PER_MS));
    put("\r\n");
}

static void results(const myofin_value_t *logits) {
    put("m-results-[");
    for (uint32_t i = 0; i < MYOFIN_LOGITS; i++) {
        put(i == 0u ? "" : ",");
        put_value(logits[i]);
    }
    put("]\r\n");
}

/* One inference; only what it takes is counted as time. */
static void infer_once(mlperf_t *mlperf, myofin_value_t *logits) {
    myofin_value_t features[MYOFIN_FEATURES];
    port_flush(); /* no interrupt of it falls into the measurement */
    port_stopwatch_start();
    myofin_fin(mlperf->model, mlperf->model->window, features);
    myofin_head(mlperf->model, logits);
    mlperf->elapsed_ticks += port_stopwatch_stop();
    while (mlperf->elapsed_ticks >= BOARD_LAP_TICKS_PER_MS) {
        mlperf->elapsed_ticks -= BOARD_LAP_TICKS_PER_MS;
        mlperf->elapsed_ms++;
    }
}

static void infer(mlperf_t *mlperf, char *rest) {
    const char *const times = next_word(&rest);
    const char *const warm_ups = next_word(&rest);
    const uint32_t count = times == NULL ? 1u : number_of(times);
    const uint32_t before = warm_ups == NULL ? 10u : number_of(warm_ups);
    if (count == 0u || count == NUMBER_LIMIT || before == NUMBER_LIMIT) {
        put("e-[infer N W: N inferences, at least one, after W to warm up]\r\n");
        return;
    }
    if (mlperf->loaded != MYOFIN_WINDOW_CODES) {
        put("e-[Load a window with 'db' first]\r\n");
        return;
    }
    myofin_value_t logits[MYOFIN_LOGITS] = {0};
    put("m-warmup-start-");
    put_number(before);
    for (uint32_t i = 0; i < before; i++) {
        infer_once(mlperf, logits);
    }
    put("\r\nm-warmup-done\r\nm-infer-start-");
    put_number(count);
    put("\r\n");
    timestamp(mlperf);
    for (uint32_t i = 0; i < count; i++) {
        infer_once(mlperf, logits);
    }
    timestamp(mlperf);
    put("m-infer-done\r\n");
    results(logits);
}

static void profile(void) {
    put("m-profile-[myofin]\r\nm-model-[");
    for (uint32_t i = 0; i < 4u; i++) {
        put_hex(myofin_model_sha256[i]);
    }
    put("]\r\n");
}

static void help(void) {
    put("name, profile, timestamp, help, results\r\n"
        "db load N: a window of N codes follows; db HH..: its bytes; db print\r\n"
        "infer N [W=10]: N inferences after W to warm up\r\n");
}

static void carry_out(mlperf_t *mlperf, const char *word, char *rest) {
    if (strcmp(word, "name") == 0) {
        put("m-name-dut-[" BOARD_NAME "]\r\n");
    } else if (strcmp(word, "profile") == 0) {
        profile();
    } else if (strcmp(word, "timestamp") == 0) {
        timestamp(mlperf);
    } else if (strcmp(word, "db") == 0) {
        db(mlperf, rest);
    } else if (strcmp(word, "infer") == 0) {
        infer(mlperf, rest);
    } else if (strcmp(word, "results") == 0) {
        myofin_value_t logits[MYOFIN_LOGITS];
        myofin_head(mlperf->model, logits); /* for the features computed last */
        results(logits);
    } else if (strcmp(word, "help") == 0) {
        help();
    } else {
        put("e-[Unknown command: ");
        put(word);
        put("]\r\n");
    }
    put("m-ready\r\n");
    port_flush();
}

void mlperf_receive(mlperf_t *mlperf, uint8_t byte) {
    if (byte == (uint8_t)TERMINATOR) {
        char *rest = mlperf->command;
        mlperf->command[mlperf->length] = '\0';
        const char *const word = next_word(&rest);
        if (!mlperf->spoiled && word != NULL) {
            carry_out(mlperf, word, rest);
        }
        mlperf->length = 0;
        mlperf->spoiled = false;
    } else if (byte == (uint8_t)'\r' || byte == (uint8_t)'\n') {
        /* what a person types between commands */
    } else if (byte < (uint8_t)' ' || byte > (uint8_t)'~' ||
               mlperf->length == MLPERF_COMMAND_BYTES) {
        mlperf->spoiled = true; /* noise, or a frame: not to be answered with text */
    } else {
        mlperf->command[mlperf->length++] = (char)byte;
    }
}
