/* Intermediate values of a traced image, sent while they are computed. Nothing of this is in other
 * images. */
#ifndef MYOFIN_FIRMWARE_TRACE_H
#define MYOFIN_FIRMWARE_TRACE_H

#include <stdbool.h>

/* Whether what the engine computes from now on is sent. */
#ifdef MYOFIN_TRACE
void trace_send(bool on);
#else
static inline void trace_send(bool on) {
    (void)on;
}
#endif

#endif
