/* The core's clock, counted: what the stopwatch and the front end's clock of physical boards read.
 */
#ifndef MYOFIN_CYCLES_H
#define MYOFIN_CYCLES_H

#include <stdint.h>

/* Let it run; harmless when it does. */
void cycles_start(void);

/* Cycles modulo 2^32, in any context. */
uint32_t cycles_now(void);

#endif
