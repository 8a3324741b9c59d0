"""What a TFLM application needs of one model: the flatbuffer as an aligned array, a resolver with exactly
the operators used, which output is which, and an arena size measured by TFLM's own allocator.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from myofin import __version__
from myofin.convert.codegen_text import wrap
from myofin.convert.executors import import_tflm, roomy_arena
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import LSTM, Graph, find_outputs, refuse
from myofin.errors import ArtifactError, CheckError, ToolMissingError

# Pointers on the host are twice those of a 32-bit target, so the host's figure is an upper bound there; the
# margin covers what a newer TFLM may add to its bookkeeping.
ARENA_MARGIN_BYTES: Final = 1024
ARENA_ALIGNMENT: Final = 16
ARENA_TIMEOUT_S: Final = 120
# Calls TFLM's interpreter behind the interface of ``myofin_model.h``; compiled with the files written here.
TFLM_NETWORK: Final = Path(__file__).parent / "runtime" / "tflm" / "network.cc"

RESOLVER_METHODS: Final[Mapping[str, str]] = {
    "ADD": "AddAdd",
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CONCATENATION": "AddConcatenation",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "DEQUANTIZE": "AddDequantize",
    "EXPAND_DIMS": "AddExpandDims",
    "FULLY_CONNECTED": "AddFullyConnected",
    "LOGISTIC": "AddLogistic",
    "MAX_POOL_2D": "AddMaxPool2D",
    "MEAN": "AddMean",
    "MUL": "AddMul",
    "PACK": "AddPack",
    "QUANTIZE": "AddQuantize",
    "REDUCE_MAX": "AddReduceMax",
    "RELU": "AddRelu",
    "RELU6": "AddRelu6",
    "RESHAPE": "AddReshape",
    "SLICE": "AddSlice",
    "SOFTMAX": "AddSoftmax",
    "SPLIT": "AddSplit",
    "SQUEEZE": "AddSqueeze",
    "STRIDED_SLICE": "AddStridedSlice",
    "SUB": "AddSub",
    "TANH": "AddTanh",
    "TRANSPOSE": "AddTranspose",
    LSTM: "AddUnidirectionalSequenceLSTM",
    "UNPACK": "AddUnpack",
}


@dataclass(frozen=True)
class Arena:
    """Size of TFLM's tensor arena; ``measured`` is None where TFLM cannot run here."""

    measured: int | None
    upper_bound: int

    @property
    def size(self) -> int:
        """Bytes to reserve."""
        wanted = self.upper_bound if self.measured is None else self.measured + ARENA_MARGIN_BYTES
        return -(-wanted // ARENA_ALIGNMENT) * ARENA_ALIGNMENT


def export_tflm(model: bytes, out_dir: Path) -> list[Path]:
    """Write ``model_data.h``, ``model_data.c``, ``resolver.h`` and ``arena.h``; return the paths.

    Raises:
        ModelError: The model is malformed, or uses an operator that no resolver method is known for.
        CheckError: TFLM is installed and does not allocate the model.
    """
    graph = read_model(model)
    sha256 = hashlib.sha256(model).hexdigest()
    texts = {
        "model_data.h": _model_header(sha256, len(model)),
        "model_data.c": _model_source(sha256, model),
        "resolver.h": _resolver(sha256, graph),
        "arena.h": _arena_header(sha256, measure_arena(model, graph), cmsis_nn_bytes(graph)),
    }
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (out_dir / name).write_text(text, encoding="utf-8")
    return [out_dir / name for name in texts]


def measure_arena(model: bytes, graph: Graph) -> Arena:
    """Smallest arena by bisection with TFLM's own allocator, in a child process.

    Raises:
        CheckError: TFLM is installed and does not allocate the model in any arena.
    """
    bound = roomy_arena(graph)
    try:
        import_tflm()
    except ToolMissingError:
        return Arena(None, bound)
    command = [sys.executable, "-m", "myofin.convert.arena_worker"]
    done = subprocess.run(command, input=model, capture_output=True, timeout=ARENA_TIMEOUT_S, check=False)
    if done.returncode != 0 or int(done.stdout) >= bound // ARENA_ALIGNMENT * ARENA_ALIGNMENT:
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
        raise CheckError(
            f"TFLM does not allocate the model in {bound} bytes ({reason}).",
            hint="An operator or type that TFLM lacks.",
        )
    return Arena(int(done.stdout), bound)


def read_arena_bytes(folder: Path, *, cmsis_nn: bool) -> int:
    """Bytes that a written ``arena.h`` reserves.

    Raises:
        ArtifactError: The folder holds no ``arena.h`` of this version.
    """
    path = folder / "arena.h"
    found = re.findall(r"(\d+)u", path.read_text(encoding="utf-8")) if path.is_file() else []
    if len(found) != 3:
        raise ArtifactError(
            f"{folder} holds no arena.h.", hint="Make the bundle again with `myofin convert`."
        )
    with_cmsis_nn, without, common = map(int, found)
    return common + (with_cmsis_nn if cmsis_nn else without)


def cmsis_nn_bytes(graph: Graph) -> int:
    """Upper bound of what CMSIS-NN's kernels want of the arena beyond the reference kernels.

    An LSTM keeps two folded biases for each unit and gate. The others take a buffer: 16 columns of a
    convolution's input as int32, or a sum for each input or output.
    """
    total = 0
    for operator in graph.operators:
        outputs = graph.tensors[operator.outputs[0]].shape[-1]
        if operator.kind == LSTM:
            total += 8 * (4 * outputs + ARENA_ALIGNMENT)
        elif operator.kind in {"FULLY_CONNECTED", "CONV_2D"}:
            weights = graph.tensors[operator.inputs[1]]
            columns = weights.size // weights.shape[0]
            total += (
                64 * columns if operator.kind == "CONV_2D" else 4 * max(columns, outputs)
            ) + ARENA_ALIGNMENT
        elif operator.kind == "AVERAGE_POOL_2D":
            total += 4 * outputs + ARENA_ALIGNMENT
    return total


def operator_kinds(graph: Graph) -> list[str]:
    """The kinds of operators used, each once, sorted.

    Raises:
        ModelError: For one of them no resolver method is known.
    """
    for operator in graph.operators:
        if operator.kind not in RESOLVER_METHODS:
            raise refuse(
                operator, "has no known TFLM kernel", "Export the C engine, or leave the operator out"
            )
    return sorted({operator.kind for operator in graph.operators})


def _head(sha256: str) -> str:
    return (
        f"/*\n * Generated by myofin {__version__} from a TFLite model; do not edit.\n"
        f" * Model SHA-256: {sha256}\n */\n"
    )


def _model_header(sha256: str, size: int) -> str:
    return (
        _head(sha256)
        + f"""#ifndef MYOFIN_MODEL_DATA_H
#define MYOFIN_MODEL_DATA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define MYOFIN_MODEL_DATA_SIZE {size}u

/* The flatbuffer, aligned to 16 bytes: TFLM reads words from it in place. */
extern const uint8_t myofin_model_data[MYOFIN_MODEL_DATA_SIZE];

#ifdef __cplusplus
}}
#endif

#endif
"""
    )


def _model_source(sha256: str, model: bytes) -> str:
    body = wrap(f"0x{byte:02x}" for byte in model)
    return (
        _head(sha256)
        + f"""#include "model_data.h"

#if defined(__GNUC__)
#define MYOFIN_ALIGNED __attribute__((aligned(16)))
#else
#define MYOFIN_ALIGNED _Alignas(16)
#endif

MYOFIN_ALIGNED const uint8_t myofin_model_data[MYOFIN_MODEL_DATA_SIZE] = {{
{body}}};
"""
    )


def _resolver(sha256: str, graph: Graph) -> str:
    kinds = operator_kinds(graph)
    found = find_outputs(graph)
    calls = "\n".join(
        f"    if (resolver.{RESOLVER_METHODS[kind]}() != kTfLiteOk) {{\n        return kTfLiteError;\n    }}"
        for kind in kinds
    )
    return (
        _head(sha256)
        + f"""#ifndef MYOFIN_RESOLVER_H
#define MYOFIN_RESOLVER_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace myofin {{

constexpr int kOperators = {len(kinds)};
constexpr int kFeaturesOutput = {graph.outputs.index(found.features)};
constexpr int kLogitsOutput = {graph.outputs.index(found.logits)};

using Resolver = tflite::MicroMutableOpResolver<kOperators>;

/* Registers exactly the operators of this model. */
inline TfLiteStatus RegisterOperators(Resolver &resolver)
{{
{calls}
    return kTfLiteOk;
}}

}} // namespace myofin

#endif
"""
    )


def _arena_header(sha256: str, arena: Arena, cmsis_nn: int) -> str:
    if arena.measured is None:
        source = "TFLM could not run where this was made: an upper bound, not a measurement."
    else:
        source = (
            f"Measured by TFLM's allocator on a 64-bit host: {arena.measured} bytes; margin "
            f"{ARENA_MARGIN_BYTES}. A 32-bit target needs less."
        )
    return (
        _head(sha256)
        + f"""#ifndef MYOFIN_ARENA_H
#define MYOFIN_ARENA_H

/* {source} */
#if defined(CMSIS_NN)
#define MYOFIN_ARENA_EXTRA_BYTES {cmsis_nn}u /* at most, for buffers of CMSIS-NN's kernels */
#else
#define MYOFIN_ARENA_EXTRA_BYTES 0u
#endif
#define MYOFIN_ARENA_BYTES ({arena.size}u + MYOFIN_ARENA_EXTRA_BYTES)

#endif
"""
    )
