"""A TFLM source tree that the user has: whether it is whole, and which of its files a model needs.

Nothing of it belongs to this project; docs/tflm-engine.md says how to get one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from myofin.errors import InputError, ToolMissingError

ROOT_VARIABLE: Final = "MYOFIN_TFLM_ROOT"
CMSIS_NN_VARIABLE: Final = "MYOFIN_CMSIS_NN_ROOT"
DOCUMENT: Final = "docs/tflm-engine.md"
DOWNLOADS: Final = Path("tensorflow/lite/micro/tools/make/downloads")
_MICRO: Final = Path("tensorflow/lite/micro")
_KERNELS: Final = _MICRO / "kernels"
_TELLTALE: Final = _MICRO / "micro_interpreter.h"
# What TFLM's own makefile downloads, by the file that shows that it is there.
_DOWNLOADED: Final[Mapping[str, str]] = {
    "flatbuffers": "flatbuffers/include/flatbuffers/flatbuffers.h",
    "gemmlowp": "gemmlowp/fixedpoint/fixedpoint.h",
    "ruy": "ruy/ruy/profiler/instrumentation.h",
}
_CORE: Final = (
    *(_MICRO / folder for folder in ("", "arena_allocator", "memory_planner", "tflite_bridge")),
    *map(Path, ("tensorflow/lite/kernels", "tensorflow/lite/kernels/internal")),
    *map(Path, ("tensorflow/lite/kernels/internal/reference", "tensorflow/lite/core/c")),
    *map(Path, ("tensorflow/lite/core/api", "tensorflow/compiler/mlir/lite/schema")),
    Path("tensorflow/compiler/mlir/lite/core/api"),
)
# Tests, what tests use, and the log, which the firmware brings itself.
_NOT_CORE: Final = re.compile(r"(test|testing|fake|mock|recording)_.*|.*_test|hexdump|debug_log")
# The files under micro/kernels that each method of the resolver needs; NAME_common.cc is taken along.
KERNEL_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "AddAdd": ("add",),
    "AddAveragePool2D": ("pooling",),
    "AddConcatenation": ("concatenation",),
    "AddConv2D": ("conv",),
    "AddDepthwiseConv2D": ("depthwise_conv", "conv"),
    "AddDequantize": ("dequantize",),
    "AddExpandDims": ("expand_dims",),
    "AddFullyConnected": ("fully_connected",),
    "AddLogistic": ("logistic",),
    "AddMaxPool2D": ("pooling",),
    "AddMean": ("reduce",),
    "AddMul": ("mul",),
    "AddPack": ("pack",),
    "AddQuantize": ("quantize",),
    "AddReduceMax": ("reduce",),
    "AddRelu": ("activations",),
    "AddRelu6": ("activations",),
    "AddReshape": ("reshape",),
    "AddSlice": ("slice",),
    "AddSoftmax": ("softmax",),
    "AddSplit": ("split",),
    "AddSqueeze": ("squeeze",),
    "AddStridedSlice": ("strided_slice",),
    "AddSub": ("sub",),
    "AddTanh": ("tanh",),
    "AddTranspose": ("transpose",),
    "AddUnidirectionalSequenceLSTM": ("unidirectional_sequence_lstm", "lstm_eval"),
    "AddUnpack": ("unpack",),
}
_ALWAYS: Final = ("kernel_util", "micro_tensor_utils")
_TEXT: Final = frozenset({".h", ".c", ".cc"})
_IRRELEVANT: Final = frozenset({"examples", "tools", "integration_tests", "models", "python", "testing"})


@dataclass(frozen=True)
class Tree:
    """A TFLM source tree, and CMSIS-NN where its kernels are wanted."""

    root: Path
    cmsis_nn: Path | None = None

    @property
    def includes(self) -> tuple[Path, ...]:
        """Folders in which the compiler looks for headers."""
        downloads = self.root / DOWNLOADS
        found = (self.root, downloads / "flatbuffers" / "include", downloads / "gemmlowp", downloads / "ruy")
        return found if self.cmsis_nn is None else (*found, self.cmsis_nn, self.cmsis_nn / "Include")

    def core_files(self) -> list[Path]:
        """The interpreter: everything but kernels."""
        found = (path for folder in _CORE for path in sorted((self.root / folder).glob("*.cc")))
        return [path for path in found if not _NOT_CORE.fullmatch(path.stem)]

    def kernel_files(self, methods: Iterable[str]) -> list[Path]:
        """The kernels behind some methods of the resolver, those for CMSIS-NN where there are such.

        Raises:
            InputError: A method is not known here, or the tree lacks a kernel.
        """
        stems = dict.fromkeys(_ALWAYS)
        for method in methods:
            if method not in KERNEL_FILES:
                raise InputError(
                    f"It is not known which kernel of TFLM the resolver's {method} needs.",
                    hint="Make the bundle again with this version's `myofin convert`.",
                )
            stems.update(dict.fromkeys(KERNEL_FILES[method]))
        return [path for stem in stems for path in self._kernel(stem)]

    def _kernel(self, stem: str) -> list[Path]:
        folder = self.root / _KERNELS
        optimized = folder / "cmsis_nn" / f"{stem}.cc"
        main = optimized if self.cmsis_nn is not None and optimized.is_file() else folder / f"{stem}.cc"
        if not main.is_file():
            raise InputError(
                f"{self.root} lacks {_KERNELS / f'{stem}.cc'}.",
                hint=f"Use the version that {DOCUMENT} names.",
            )
        common = folder / f"{stem}_common.cc"
        return [main, common] if common.is_file() else [main]

    def cmsis_nn_files(self) -> list[Path]:
        """The sources of CMSIS-NN for integers; none without CMSIS-NN."""
        if self.cmsis_nn is None:
            return []
        found = sorted((self.cmsis_nn / "Source").rglob("*.c"))
        return [path for path in found if not re.search(r"_(f16|f32|flt)$", path.stem)]

    def relative(self, path: Path) -> str:
        """A file's name inside the tree, the same on every machine."""
        if self.cmsis_nn is not None and path.is_relative_to(self.cmsis_nn):
            return f"cmsis_nn/{path.relative_to(self.cmsis_nn).as_posix()}"
        return path.relative_to(self.root).as_posix()

    def fingerprint(self) -> str:
        """SHA-256 over what an object may depend on: sources and headers, without tests and tools."""
        digest = hashlib.sha256()
        folders = (self.root / "tensorflow", self.root / "signal", *self.includes[1:])
        for folder in folders:
            for path in _texts(folder):
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def _texts(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and path.name not in _IRRELEVANT:
            yield from _texts(path)
        elif path.suffix in _TEXT and not path.stem.endswith("_test"):
            yield path


def find_tree(environ: Mapping[str, str], *, cmsis_nn: bool) -> Tree:
    """The tree that the environment names, checked.

    Raises:
        ToolMissingError: The variable is not set.
        InputError: What it names is no TFLM source tree, or the tree is not whole.
    """
    if not environ.get(ROOT_VARIABLE):
        raise ToolMissingError(
            f"{ROOT_VARIABLE} is not set, so there is no TFLM to build with.",
            hint=f"Set it to a TFLM source tree; {DOCUMENT} says how to get one.",
        )
    root = Path(environ[ROOT_VARIABLE]).expanduser().absolute()
    if not (root / _TELLTALE).is_file():
        raise InputError(
            f"{ROOT_VARIABLE}={root} is no TFLM source tree: it lacks {_TELLTALE}.",
            hint=f"Set it to the folder that holds tensorflow/; {DOCUMENT} says how to get one.",
        )
    for name, telltale in _DOWNLOADED.items():
        if not (root / DOWNLOADS / telltale).is_file():
            raise InputError(
                f"The TFLM source tree {root} lacks {name} in {DOWNLOADS}.",
                hint=f"Get it with TFLM's own makefile, as {DOCUMENT} shows.",
            )
    return Tree(root, _find_cmsis_nn(root, environ) if cmsis_nn else None)


def _find_cmsis_nn(root: Path, environ: Mapping[str, str]) -> Path:
    given = environ.get(CMSIS_NN_VARIABLE)
    folder = Path(given).expanduser().absolute() if given else root / DOWNLOADS / "cmsis_nn"
    if not (folder / "Include" / "arm_nnfunctions.h").is_file():
        raise InputError(
            f"{folder} is no CMSIS-NN: it lacks Include/arm_nnfunctions.h.",
            hint=f"Set {CMSIS_NN_VARIABLE} to its source tree; {DOCUMENT} says how to get one.",
        )
    return folder
