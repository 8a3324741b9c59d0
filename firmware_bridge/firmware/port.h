/* What the application needs of a board. A port implements this in under 300 lines: start-up,
 * a byte channel and a counter. */
#ifndef MYOFIN_PORT_H
#define MYOFIN_PORT_H

#include <stdbool.h>
#include <stdint.h>

/* Start the byte channel; called once, first thing in main. */
void port_init(void);

/* The stopwatch counts ticks of the counter named in board.toml, up to 2^32. It starts anew, in the
 * same phase every time, so that the same instructions give the same ticks in every run. */
void port_stopwatch_start(void);

/* Stop, and return the ticks since the start. */
uint32_t port_stopwatch_stop(void);

/* Take one received byte; false when there is none. */
bool port_read(uint8_t *byte);

/* Sleep until an interrupt, or return at once when a received byte is waiting, or
 * firmware_has_work. */
void port_wait(void);

/* Queue one byte for sending; blocks while the queue is full. */
void port_write(uint8_t byte);

/* Return when everything queued has left, so that no interrupt of it falls into a measurement. */
void port_flush(void);

/* Send one byte by polling: usable inside a fault handler. */
void port_write_in_fault(uint8_t byte);

/* Ticks of afe_clock spent in the interrupts of the byte channel, modulo 2^32. */
uint32_t port_interrupt_ticks(void);

/* Received bytes lost because nobody took them in time. */
uint32_t port_overruns(void);

/* Most bytes of stack ever used since reset. */
uint32_t port_stack_high_water(void);

typedef struct {
    uint32_t flash_code;
    uint32_t flash_constants;
    uint32_t ram_static; /* without the stack */
    uint32_t stack_bytes;
} port_sizes_t;

/* Sizes of the running image, from the linker's symbols. */
port_sizes_t port_sizes(void);

/* Implemented by the application: the port calls it when the processor faulted at address `pc`. */
void firmware_fault(uint32_t pc);

/* Implemented by the application: whether it has something to do without another interrupt. Asked
 * by port_wait while interrupts are masked. */
bool firmware_has_work(void);

#endif
