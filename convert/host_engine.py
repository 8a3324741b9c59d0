"""The generated C compiled for this machine and called through ctypes: the same source as on the board."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.errors import ArtifactError, CheckError, ToolMissingError

COMPILE_TIMEOUT_S: Final = 120
WARNINGS: Final = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror")
_SCHEME_DTYPES: Final = {0: np.float32, 1: np.int8, 2: np.int16}

# Loops over windows in C, so that tens of thousands of them take seconds. The state is static here, in the
# host harness only: the engine itself has no static mutable memory.
_HARNESS: Final = """
#include "myofin_model.h"
static myofin_state_t state;
void host_sizes(uint32_t *sizes);
void host_invoke(uint32_t windows, uint32_t reset_each, const int8_t *codes, myofin_value_t *features,
                 myofin_value_t *logits);
void host_encode(uint32_t frames, const int16_t *counts, int8_t *codes);
uint32_t host_stream(uint32_t frames, const int16_t *counts, myofin_value_t *features,
                     myofin_value_t *logits);

void host_sizes(uint32_t *sizes)
{
    const uint32_t all[] = {MYOFIN_CHANNELS, MYOFIN_FRAME_SAMPLES, MYOFIN_FRAMES, MYOFIN_FEATURES,
                            MYOFIN_LOGITS,   MYOFIN_SCHEME,        (uint32_t)sizeof(myofin_state_t)};
    for (uint32_t i = 0; i < 7u; i++) {
        sizes[i] = all[i];
    }
}

void host_invoke(uint32_t windows, uint32_t reset_each, const int8_t *codes, myofin_value_t *features,
                 myofin_value_t *logits)
{
    for (uint32_t i = 0; i < windows; i++) {
        if ((reset_each != 0u) || (i == 0u)) {
            myofin_init(&state);
        }
        myofin_invoke(&state, codes + (i * MYOFIN_WINDOW_CODES), features + (i * MYOFIN_FEATURES),
                      logits + (i * MYOFIN_LOGITS));
    }
}

void host_encode(uint32_t frames, const int16_t *counts, int8_t *codes)
{
    myofin_init(&state);
    for (uint32_t i = 0; i < frames; i++) {
        myofin_encode(&state, counts + (i * MYOFIN_FRAME_CODES), codes + (i * MYOFIN_FRAME_CODES));
    }
}

uint32_t host_stream(uint32_t frames, const int16_t *counts, myofin_value_t *features,
                     myofin_value_t *logits)
{
    uint32_t decisions = 0;
    myofin_init(&state);
    for (uint32_t i = 0; i < frames; i++) {
        if (myofin_push_frame(&state, counts + (i * MYOFIN_FRAME_CODES))) {
            myofin_decide(&state, features + (decisions * MYOFIN_FEATURES),
                          logits + (decisions * MYOFIN_LOGITS));
            decisions++;
        }
    }
    return decisions;
}
"""


@dataclass(frozen=True)
class EngineSizes:
    """The compile-time constants of a generated engine; ``state_bytes`` is of this machine's ABI."""

    channels: int
    frame_samples: int
    frames: int
    features: int
    logits: int
    scheme: int
    state_bytes: int

    @property
    def frame_codes(self) -> int:
        """Codes of one frame, all channels."""
        return self.channels * self.frame_samples


def find_compiler() -> str:
    """Path of the host's C compiler.

    Raises:
        ToolMissingError: There is none.
    """
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return path
    raise ToolMissingError("There is no C compiler on this machine.", hint="sudo apt-get install gcc")


def compile_sources(sources: list[Path], output: Path, include: Path, *flags: str) -> None:
    """Compile C sources with the project's warnings as errors.

    Raises:
        ToolMissingError: There is no compiler.
        CheckError: The compiler refused a source.
    """
    command = [
        find_compiler(),
        *WARNINGS,
        *flags,
        f"-I{include}",
        "-o",
        str(output),
        *map(str, sources),
        "-lm",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise CheckError(
            f"The compiler did not finish within {COMPILE_TIMEOUT_S} s.", hint="Is the machine overloaded?"
        ) from error
    if done.returncode != 0:
        first = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise CheckError(
            f"The generated C does not compile for this machine ({first}).",
            hint="Make the bundle again with `myofin convert`.",
        )


def _unload(library: ctypes.CDLL, folder: tempfile.TemporaryDirectory[str]) -> None:
    folder.cleanup()


class HostEngine:
    """One generated engine as a shared library; every call starts from ``myofin_init``."""

    def __init__(self, folder: Path, *flags: str) -> None:
        """Compile the ``.c`` files of a bundle's ``c/`` folder.

        Raises:
            ArtifactError: The folder holds no generated engine.
            ToolMissingError: There is no C compiler.
            CheckError: The C does not compile.
        """
        if not (folder / "myofin_model.c").is_file():
            raise ArtifactError(
                f"{folder} holds no generated engine.", hint="Make the bundle again with `myofin convert`."
            )
        build = tempfile.TemporaryDirectory(prefix="myofin-engine-")
        harness, library = Path(build.name) / "harness.c", Path(build.name) / "engine.so"
        harness.write_text(_HARNESS, encoding="utf-8")
        compile_sources(
            [harness, *sorted(folder.glob("*.c"))], library, folder, *(flags or ("-O2",)), "-shared", "-fPIC"
        )
        self._library = ctypes.CDLL(str(library))
        weakref.finalize(self, _unload, self._library, build)
        numbers = (ctypes.c_uint32 * 7)()
        self._library.host_sizes(numbers)
        self.sizes = EngineSizes(*numbers)

    def invoke(
        self, codes: NDArray[np.int8], *, reset_each: bool = True
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """``myofin_invoke`` on windows int8 ``[w, frames, frame_codes]``: features and logits ``[w, n]``."""
        windows = np.ascontiguousarray(codes, dtype=np.int8)
        features, logits = self._outputs(len(windows))
        self._library.host_invoke(
            ctypes.c_uint32(len(windows)), ctypes.c_uint32(reset_each), *_pointers(windows, features, logits)
        )
        return features, logits

    def encode(self, counts: NDArray[np.int16]) -> NDArray[np.int8]:
        """Codes of whole frames of a recording, int16 ``[n, channels]``; a rest of a frame is dropped."""
        frames = len(counts) // self.sizes.frame_samples
        used = np.ascontiguousarray(counts[: frames * self.sizes.frame_samples], dtype=np.int16)
        codes = np.empty(used.shape, np.int8)
        self._library.host_encode(ctypes.c_uint32(frames), *_pointers(used, codes))
        return codes

    def stream(self, counts: NDArray[np.int16]) -> tuple[NDArray[Any], NDArray[Any]]:
        """``myofin_push_frame`` and ``myofin_decide`` over a recording: outputs of each full window."""
        frames = len(counts) // self.sizes.frame_samples
        used = np.ascontiguousarray(counts[: frames * self.sizes.frame_samples], dtype=np.int16)
        features, logits = self._outputs(frames)
        decisions = int(
            self._library.host_stream(ctypes.c_uint32(frames), *_pointers(used, features, logits))
        )
        return features[:decisions], logits[:decisions]

    def _outputs(self, rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
        dtype = _SCHEME_DTYPES[self.sizes.scheme]
        return np.empty((rows, self.sizes.features), dtype), np.empty((rows, self.sizes.logits), dtype)


def _pointers(*arrays: NDArray[Any]) -> list[Any]:
    return [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
