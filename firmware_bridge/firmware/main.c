#include "app.h"
#include "port.h"

#if APP_FRAME_COUNT_BYTES + WIRE_INJECT_FIXED_BYTES > BOARD_MAX_PAYLOAD_BYTES
#error "one frame of counts does not fit max_payload_bytes of this board"
#endif

int main(void) {
    static app_t app;
    static myofin_state_t model_state; /* by itself, so that the linker's map shows its size */
    static stream_t stream;
    port_init();
    app_start(&app, &model_state, &stream);
    for (;;) {
        uint8_t byte;
        while (port_read(&byte)) {
            app_receive(&app, byte);
        }
        if (!stream_step(&stream)) {
            port_wait();
        }
    }
}
