/* A port for the host: the firmware's application as a library that tests call. */
#include "app.h"
#include "port.h"

#include <string.h>

#define OUT_BYTES (1u << 20)

void host_reset(void);
void host_receive(const uint8_t *bytes, size_t size);
size_t host_take(uint8_t *to, size_t room);

static app_t app;
static myofin_state_t model;
static uint8_t out[OUT_BYTES];
static size_t out_size;

void host_reset(void) {
    memset(&app, 0, sizeof app);
    out_size = 0;
    app_start(&app, &model);
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
