"""What every stage of a model's engine computes for one window, on this machine.

The engine is generated anew from the model, so that a damaged copy of its C on a board shows.
"""

from __future__ import annotations

import ctypes
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.bundle import Bundle
from myofin.convert.codegen import generate_c
from myofin.convert.host_engine import compile_sources

# Stage, place of the first value, values, bytes of one value.
Sink = Callable[[str, int, bytes, int], None]

_SLIDING: Final = re.compile(r"^#define MYOFIN_SLIDING 1u", re.MULTILINE)
_SINK: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32
)
_HARNESS: Final = """
#include "myofin_model.h"
#include "myofin_trace.h"
typedef void (*sink_t)(const char *, uint32_t, const void *, uint32_t, uint32_t);
static myofin_state_t state;
static sink_t sink;
void host_window(uint32_t reset, const int16_t *counts, sink_t to);

void myofin_trace(const char *name, uint32_t first, const void *values, uint32_t count,
                  uint32_t value_bytes)
{
    if (sink != 0) {
        sink(name, first, values, count, value_bytes);
    }
}

void host_window(uint32_t reset, const int16_t *counts, sink_t to)
{
    static myofin_value_t features[MYOFIN_FEATURES];
    static myofin_value_t logits[MYOFIN_LOGITS];
    sink = to;
    if (reset != 0u) {
        myofin_init(&state);
    }
    for (uint32_t i = 0; i < MYOFIN_FRAMES; i++) {
        (void)myofin_push_frame(&state, counts + (i * MYOFIN_FRAME_CODES));
    }
    myofin_decide(&state, features, logits);
}
"""


def slides(bundle: Bundle) -> bool:
    """Whether the bundle's engine keeps what it computes of a frame for later windows."""
    text = (bundle.engine_folder / "myofin_model.h").read_text(encoding="utf-8")
    return _SLIDING.search(text) is not None


def trace_window(bundle: Bundle, counts: NDArray[np.int16], window: int, sink: Sink) -> None:
    """Compute the windows up to one, and hand every value of that one to ``sink`` as it is computed.

    Args:
        bundle: Whose model, front end and state contract are taken; not its C.
        counts: int16 ``[w, window_samples, channels]``.
        window: Which of them.
        sink: Called for each piece of a stage's record, in order.

    Raises:
        ModelError: The model is malformed, or none that the C engine supports.
        ToolMissingError: There is no C compiler.
    """
    body = bundle.body
    with tempfile.TemporaryDirectory(prefix="myofin-trace-") as scratch:
        folder = Path(scratch)
        generate_c(
            bundle.model(),
            body.frontend,
            folder,
            frame_samples=body.frame_samples,
            channels=body.channels,
            state=body.contract,
            sliding=slides(bundle),
        )
        library = _compile(folder)

        def take(name: bytes, first: int, values: int, count: int, value_bytes: int) -> None:
            sink(name.decode(), first, ctypes.string_at(values, count * value_bytes), value_bytes)

        carried = body.contract == "carry"
        for index in range(0 if carried else window, window + 1):
            _push(library, counts[index], index == 0 or not carried, take if index == window else None)


def _compile(folder: Path) -> ctypes.CDLL:
    harness, made = folder / "harness.c", folder / "engine.so"
    harness.write_text(_HARNESS, encoding="utf-8")
    sources = [harness, *sorted(folder.glob("myofin_*.c"))]
    compile_sources(sources, made, folder, "-O1", "-shared", "-fPIC", "-DMYOFIN_TRACE")
    return ctypes.CDLL(str(made))


def _push(library: ctypes.CDLL, counts: NDArray[np.int16], reset: bool, take: Any) -> None:
    window = np.ascontiguousarray(counts, dtype=np.int16)
    sink = _SINK(take) if take else _SINK()
    library.host_window(ctypes.c_uint32(reset), window.ctypes.data_as(ctypes.c_void_p), sink)
