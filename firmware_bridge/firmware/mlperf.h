/* The text commands of MLPerf Tiny, so that its runner can measure the board: answered until a
 * binary HELLO has come. `db` takes the codes of a window; docs/mlperf-tiny.md says the rest. */
#ifndef MYOFIN_MLPERF_H
#define MYOFIN_MLPERF_H

#include "myofin_model.h"

#include <stdbool.h>
#include <stdint.h>

#define MLPERF_COMMAND_BYTES 80u

/* Zeroed, and `model` set. */
typedef struct {
    myofin_state_t *model;
    char command[MLPERF_COMMAND_BYTES + 1u];
    uint32_t length;   /* of the command so far */
    bool spoiled;      /* a byte that is no text came since the last command, or too many */
    uint32_t expected; /* bytes that `db load` announced */
    uint32_t loaded;   /* of them */
    uint32_t elapsed_ms, elapsed_ticks; /* spent computing */
} mlperf_t;

/* Take one received byte; the one that ends a command has it carried out and answered. */
void mlperf_receive(mlperf_t *mlperf, uint8_t byte);

#endif
