"""What an exported engine takes of a microcontroller: figures for build files, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from myofin.convert.bundle import ENGINE_FOLDER, TFLM_FOLDER, Bundle
from myofin.convert.codegen import Engine
from myofin.convert.prediction import predict_engine
from myofin.convert.tflm_export import read_arena_bytes


@dataclass(frozen=True)
class Memory:
    """Bytes of the engine without the self-test; TFLM's own code is not in ``flash_bytes``."""

    ram_bytes: int
    flash_bytes: int
    words: str


def engine_memory(bundle: Bundle, engine: Engine) -> Memory:
    """Predict what an engine takes.

    Raises:
        ArtifactError: The bundle lacks the size of TFLM's arena.
        ModelError: The size of the generated C cannot be predicted.
    """
    return _of_tflm(bundle) if engine == "tflm" else _of_c(bundle)


def _of_c(bundle: Bundle) -> Memory:
    found = predict_engine(bundle.folder / ENGINE_FOLDER)
    words = (
        f"Memory, predicted for a 32-bit Arm from the C text: RAM {found.ram:,} bytes, which is "
        f"`sizeof(myofin_state_t)`, and the stack of a few small frames; flash {found.flash:,} bytes "
        f"(constants {found.constants:,}, code about {found.code:,}), without the self-test."
    )
    return Memory(found.ram, found.flash, words)


def _of_tflm(bundle: Bundle) -> Memory:
    arena = read_arena_bytes(bundle.folder / TFLM_FOLDER, cmsis_nn=False)
    window, model = bundle.body.frames * bundle.body.frame_codes, len(bundle.model())
    words = (
        f"Memory: RAM {arena:,} bytes of arena (`src/arena.h` says how that was found) and {window:,} of "
        f"window, both inside `myofin_state_t`; flash {model:,} bytes for the model, and TFLM's interpreter "
        "and kernels."
    )
    return Memory(arena + window, model, words)
