"""The firmware's application compiled for the host, as a Link: an in-memory board for fast tests.

It is the C code that runs on boards, with sanitizers, around the fake model of ``tests/data``.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import numpy.typing as npt

import myofin.firmware_bridge
from myofin.boards.registry import load_board
from myofin.firmware_bridge.build import write_settings

DATA = Path(__file__).parent.parent / "data"
FAKE_MODEL = DATA / "fake_model"
FAKE_MODEL_SHA256 = hashlib.sha256(b"fake model").hexdigest()
WINDOW_SHAPE = (150, 4)

_FIRMWARE = Path(myofin.firmware_bridge.__file__).parent / "firmware"

_OUT = ctypes.create_string_buffer(1 << 20)

Fault = Callable[[bytes], bytes]


def expected_values(counts: npt.NDArray[np.int16]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Features and logits of the fake model for one window."""
    codes = np.trunc(counts / 256).astype(np.int64)
    features = codes.sum(axis=0).astype(np.int8)
    return features, (features[:3].astype(np.int64) + np.arange(3)).astype(np.int8)


def expected_codes(counts: npt.NDArray[np.int16]) -> bytes:
    """The fake model's codes of one window."""
    return np.trunc(counts / 256).astype(np.int8).tobytes()


def _sanitizers() -> tuple[str, ...]:
    """Undefined behaviour everywhere; memory too where AddressSanitizer's library was loaded first."""
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        return ("-fsanitize=address,undefined",)
    return ("-fsanitize=undefined", "-static-libubsan")


@cache
def library(model: Path = FAKE_MODEL, *flags: str) -> ctypes.CDLL:
    """The application and a model's C as a shared library; there is one board in each."""
    folder = Path(mkdtemp(prefix="myofin-native-"))
    write_settings(folder, load_board("mps2-an386"), "c", "00" * 32)
    firmware = [path for path in sorted(_FIRMWARE.glob("*.c")) if path.name != "main.c"]
    sources = [*firmware, DATA / "host_port.c", *model.glob("*.c")]
    out = folder / "board.so"
    command = [
        *("cc", "-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fPIC", "-shared"),
        *(*_sanitizers(), "-fno-sanitize-recover=all"),
        *(f"-I{path}" for path in (folder, _FIRMWARE, model)),
        *flags,
        *map(str, sources),
        *("-lm", "-o", str(out)),
    ]
    subprocess.run(command, check=True, timeout=120)
    found = ctypes.CDLL(str(out))
    found.host_receive.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found.host_take.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found.host_take.restype = ctypes.c_size_t
    found.host_sample.argtypes = [ctypes.c_char_p, ctypes.c_uint32]
    found.host_sample.restype = found.host_step.restype = ctypes.c_bool
    found.host_spend.argtypes = [ctypes.c_uint32]
    found.crc32_of.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found.crc32_of.restype = ctypes.c_uint32
    return found


class Clock:
    """Time that passes only while a test waits for an answer."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class NativeBoard:
    """A Link to the application, with a fault put into each direction.

    ``to_board`` and ``to_host`` get each piece of bytes and return what arrives of it. ``firmware`` is what
    ``library`` gave.
    """

    name = "native board"

    def __init__(
        self,
        *,
        to_board: Fault | None = None,
        to_host: Fault | None = None,
        firmware: ctypes.CDLL | None = None,
    ) -> None:
        self.firmware = firmware or library()
        self.clock = Clock()
        self.to_board = to_board or (lambda data: data)
        self.to_host = to_host or (lambda data: data)
        self.written: list[bytes] = []
        self._pending = b""
        self.reset()

    def reset(self) -> None:
        """Power-cycle the board."""
        self.firmware.host_reset()

    def write(self, data: bytes) -> None:
        """Let the board take bytes, and answer."""
        self.written.append(data)
        arriving = self.to_board(data)
        self.firmware.host_receive(arriving, len(arriving))
        self._pending += self.to_host(self.sent())

    def sent(self) -> bytes:
        """Take what the board has sent."""
        size = self.firmware.host_take(_OUT, len(_OUT))
        return ctypes.string_at(_OUT, size)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what the board sent, or let the time pass."""
        data, self._pending = self._pending[:max_bytes], self._pending[max_bytes:]
        if not data:
            self.clock.now_s += timeout_s
        return data

    def close(self) -> None:
        """Nothing to release."""
