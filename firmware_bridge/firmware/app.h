/* The application: one request in, one answer out, and the model in between. It touches the board
 * through port.h only. */
#ifndef MYOFIN_APP_H
#define MYOFIN_APP_H

#include "build_config.h"
#include "cobs.h"
#include "mlperf.h"
#include "myofin_model.h"
#include "stream.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APP_FRAME_COUNT_BYTES (MYOFIN_FRAME_CODES * 2u)
#define APP_REQUEST_BYTES (WIRE_HEADER_BYTES + BOARD_MAX_PAYLOAD_BYTES + WIRE_CRC_BYTES)
#define APP_VALUE_COUNT (MYOFIN_FEATURES + MYOFIN_LOGITS)
#define APP_RESULT_BYTES (WIRE_RESULT_FIXED_BYTES + APP_VALUE_COUNT * 4u)
#define APP_PAYLOAD_MAX                                                                            \
    (APP_RESULT_BYTES > WIRE_HELLO_REPLY_FIXED_BYTES ? APP_RESULT_BYTES                            \
                                                     : WIRE_HELLO_REPLY_FIXED_BYTES)
#define APP_REPLY_BYTES (WIRE_HEADER_BYTES + APP_PAYLOAD_MAX + WIRE_CRC_BYTES)

/* Memory of the application; its model's and its stream's lie apart. Zeroed, then app_start. */
typedef struct {
    myofin_state_t *model;
    stream_t *stream;
    myofin_value_t features[MYOFIN_FEATURES];
    myofin_value_t logits[MYOFIN_LOGITS];
    int16_t frame[MYOFIN_FRAME_CODES];
    bool window_full;
    uint32_t frames_held;
    uint32_t front_end_ticks;

    bool in_session;
    uint32_t session;
    uint16_t last_sequence;
    size_t reply_bytes; /* of the last answer, kept for a repeated request */
    uint8_t reply[APP_REPLY_BYTES];
    uint8_t request[APP_REQUEST_BYTES];
    cobs_decoder_t decoder;
    mlperf_t text;
    wire_stats_reply_t stats;
} app_t;

void app_start(app_t *app, myofin_state_t *model, stream_t *stream);

/* Take one received byte; a byte that completes a request has it carried out and answered. */
void app_receive(app_t *app, uint8_t byte);

#endif
