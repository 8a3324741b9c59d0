/* A port for the host: the firmware's application as a library that tests call. */
#include "afe.h"
#include "app.h"
#include "port.h"

#include <string.h>

#define OUT_BYTES (1u << 20)

void host_reset(void);
void host_receive(const uint8_t *bytes, size_t size);
size_t host_take(uint8_t *to, size_t room);
bool host_sample(const int16_t *counts, uint32_t late);
bool host_step(void);
void host_spend(uint32_t ticks);

static app_t app;
static myofin_state_t model;
static stream_t stream;

/* The front end: time passes when a test says so, or by 8 ticks when someone looks at the clock. */
static struct {
    uint32_t clock, period, sampled_at;
    bool samples, held, holds;
} electrodes;
static uint8_t out[OUT_BYTES];
static size_t out_size;

void host_reset(void) {
    memset(&app, 0, sizeof app);
    memset(&stream, 0, sizeof stream);
    memset(&electrodes, 0, sizeof electrodes);
    electrodes.holds = true;
    out_size = 0;
    app_start(&app, &model, &stream);
}

/* Let the next sample fall due and interrupt `late` ticks after; false where time stands still. */
bool host_sample(const int16_t *counts, uint32_t late) {
    if (!electrodes.samples || electrodes.held) {
        return false;
    }
    electrodes.sampled_at += electrodes.period;
    if (electrodes.clock - electrodes.sampled_at > 0x80000000u) {
        electrodes.clock = electrodes.sampled_at;
    }
    electrodes.clock += late;
    firmware_sample(counts, late);
    return true;
}

bool host_step(void) {
    return stream_step(&stream);
}

void host_spend(uint32_t ticks) {
    electrodes.clock += ticks;
}

void host_cannot_hold(void);
void host_cannot_hold(void) {
    electrodes.holds = false;
}

bool afe_start(uint32_t period_ticks, uint32_t channels) {
    if (period_ticks < 1000u || channels != MYOFIN_CHANNELS) {
        return false;
    }
    electrodes.clock = 0xFFFFFF00u; /* close to where it begins anew */
    electrodes.sampled_at = electrodes.clock;
    electrodes.period = period_ticks;
    electrodes.samples = true;
    electrodes.held = false;
    return true;
}

void afe_stop(void) {
    electrodes.samples = false;
}

bool afe_hold(bool held) {
    electrodes.held = electrodes.holds && held;
    return electrodes.holds;
}

uint32_t afe_clock(void) {
    electrodes.clock += 8u;
    return electrodes.clock;
}

void host_receive(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        app_receive(&app, bytes[i]);
    }
}

size_t host_take(uint8_t *to, size_t room) {
    const size_t size = out_size < room ? out_size : room;
    memcpy(to, out, size);
    out_size = 0;
    return size;
}

void port_write(uint8_t byte) {
    if (out_size < OUT_BYTES) {
        out[out_size++] = byte;
    }
}

void port_write_in_fault(uint8_t byte) {
    port_write(byte);
}

void port_flush(void) {
}

void port_stopwatch_start(void) {
}

uint32_t port_stopwatch_stop(void) {
    return 8;
}

uint32_t port_interrupt_ticks(void) {
    return 0;
}

uint32_t port_overruns(void) {
    return 0;
}

uint32_t port_stack_high_water(void) {
    return 123;
}

port_sizes_t port_sizes(void) {
    const port_sizes_t sizes = {1, 2, 3, 4};
    return sizes;
}
