"""Where an engine cuts values off: its debug build, run on this machine, counts at every bound it applies.

The build defines ``MYOFIN_TRACE`` and ``MYOFIN_COUNT_SATURATION``. Each bound a kernel applies is told to a
function of the harness (``myofin_fixed.h``); the trace names the stage that has just been computed, to which
all bounds since the one before belong.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen import generate_c
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import Graph
from myofin.convert.host_engine import compile_sources
from myofin.errors import CheckError

CODES: Final = "codes"
_SLOTS: Final = 64
_NAME_BYTES: Final = 32
_HARNESS: Final = """
#include "myofin_model.h"
#include "myofin_fixed.h"
#include "myofin_trace.h"
#include <string.h>
typedef struct {
    char name[32];
    uint64_t values, bounded, below, above, at_limit;
} slot_t;
static myofin_state_t state;
static slot_t slots[64];
static slot_t pending;
uint32_t host_count(uint32_t windows, const int16_t *counts, slot_t *found);

void myofin_bounded(int32_t value, int32_t low, int32_t high)
{
    pending.bounded++;
    pending.below += (value < low) ? 1u : 0u;
    pending.above += (value > high) ? 1u : 0u;
}

void myofin_trace(const char *name, uint32_t first, const void *values, uint32_t count,
                  uint32_t value_bytes)
{
    uint32_t at = 0;
    (void)first;
    while ((at < 63u) && (slots[at].name[0] != 0) && (strncmp(slots[at].name, name, 31u) != 0)) {
        at++;
    }
    strncpy(slots[at].name, name, 31u);
    slots[at].values += count;
    slots[at].bounded += pending.bounded;
    slots[at].below += pending.below;
    slots[at].above += pending.above;
    memset(&pending, 0, sizeof(pending));
    for (uint32_t i = 0; (value_bytes == 1u) && (i < count); i++) {
        const int8_t value = ((const int8_t *)values)[i];
        slots[at].at_limit += ((value >= 127) || (value <= -127)) ? 1u : 0u;
    }
}

uint32_t host_count(uint32_t windows, const int16_t *counts, slot_t *found)
{
    static myofin_value_t features[MYOFIN_FEATURES];
    static myofin_value_t logits[MYOFIN_LOGITS];
    memset(slots, 0, sizeof(slots));
    memset(&pending, 0, sizeof(pending));
    for (uint32_t w = 0; w < windows; w++) {
        myofin_init(&state);
        for (uint32_t i = 0; i < MYOFIN_FRAMES; i++) {
            (void)myofin_push_frame(&state, counts);
            counts += MYOFIN_FRAME_CODES;
        }
        myofin_decide(&state, features, logits);
    }
    memcpy(found, slots, sizeof(slots));
    return (uint32_t)sizeof(slot_t);
}
"""


class _Slot(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * _NAME_BYTES),
        *((name, ctypes.c_uint64) for name in ("values", "bounded", "below", "above", "at_limit")),
    )


@dataclass(frozen=True)
class Saturation:
    """What happened at one stage of the engine, over all windows.

    Attributes:
        stage: As the trace names it.
        values: Values that were made.
        bounded: Bounds that were applied to get there; several to a value where sums are bounded too.
        below: How often a value was under its bound; None where that is what an activation is for.
        above: How often it was over; None likewise.
        at_limit: Codes of the front end at either end of their range; None for other stages.
    """

    stage: str
    values: int
    bounded: int
    below: int | None
    above: int | None
    at_limit: int | None

    @property
    def cut(self) -> int:
        """How often something was lost."""
        return sum(found or 0 for found in (self.below, self.above, self.at_limit))


def count_saturation(
    model: bytes, frontend: Mapping[str, Any], state: str, counts: NDArray[np.int16], frame_samples: int
) -> list[Saturation]:
    """Run the debug build of a model's engine on windows, and say where values were cut off.

    Args:
        model: Content of an int8 or int16x8 `.tflite` file.
        frontend: As in the run's manifest.
        state: State contract.
        counts: int16 ``[w, window_samples, channels]``, raw counts.
        frame_samples: Samples of one channel in a frame.

    Raises:
        ModelError: The model is none that the C engine supports.
        ToolMissingError: There is no C compiler.
        CheckError: The C does not compile.
    """
    with tempfile.TemporaryDirectory(prefix="myofin-saturation-") as scratch:
        generate_c(
            model,
            frontend,
            Path(scratch),
            frame_samples=frame_samples,
            channels=counts.shape[2],
            state=state,
            sliding=False,  # which traces each stage right after it is computed; the bits are the same
        )
        found = _counted(Path(scratch), counts)
    graph = read_model(model)
    return [_told(slot, graph) for slot in found if slot.name]


def _counted(folder: Path, counts: NDArray[np.int16]) -> list[_Slot]:
    """What the debug build of the engine in a folder counts."""
    windows = np.ascontiguousarray(counts, dtype=np.int16)
    harness, library = folder / "harness.c", folder / "engine.so"
    harness.write_text(_HARNESS, encoding="utf-8")
    sources = [harness, *sorted(folder.glob("myofin_*.c"))]
    flags = ("-O1", "-shared", "-fPIC", "-DMYOFIN_TRACE", "-DMYOFIN_COUNT_SATURATION")
    compile_sources(sources, library, folder, *flags)
    found = (_Slot * _SLOTS)()
    size = ctypes.CDLL(str(library)).host_count(
        ctypes.c_uint32(len(windows)), windows.ctypes.data_as(ctypes.c_void_p), ctypes.byref(found)
    )
    if size != ctypes.sizeof(_Slot):
        raise CheckError(
            "The engine's counters are laid out in another way here.", hint="Report this compiler."
        )
    return list(found)


def _told(slot: Any, graph: Graph) -> Saturation:
    stage = slot.name.decode()
    activation = _activation(stage, graph)
    return Saturation(
        stage=stage,
        values=int(slot.values),
        bounded=int(slot.bounded),
        below=None if activation != "none" else int(slot.below),
        above=None if activation == "relu6" else int(slot.above),
        at_limit=int(slot.at_limit) if stage == CODES else None,
    )


def _activation(stage: str, graph: Graph) -> str:
    """What a stage bounds on purpose: as ``relu6`` of an embedding, ``relu`` of a dense layer."""
    name, _, part = stage.partition(".")
    kind = "CONV_2D" if part == "pooled" else "FULLY_CONNECTED" if name.startswith("dense") else None
    layers = [operator for operator in graph.operators if operator.kind == kind]
    place = -1 if part == "pooled" else int(name.removeprefix("dense") or 0) if layers else 0
    if not layers or place >= len(layers):
        return "none"
    return str(layers[place].options.get("activation", "none"))
