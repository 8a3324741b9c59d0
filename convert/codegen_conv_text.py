"""C text of an embedding over several samples: its constants, its scratch, and the pooling of a frame."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert import codegen_text as c
from myofin.convert.codegen_arithmetic import FloatDense
from myofin.convert.codegen_program import POOL_MODES, Convolution, FrameInput, Scheme
from myofin.convert.codegen_staircase import LinearLayer

Member = tuple[str, str, int]
KERNELS: Final[dict[Scheme, tuple[str, ...]]] = {
    "int8": ("myofin_conv_s8", "myofin_conv_samples", "myofin_pool_s8", "myofin_fixed"),
    "int16x8": ("myofin_conv_s16", "myofin_conv_samples", "myofin_pool_s16", "myofin_fixed"),
    "float32": ("myofin_conv_f32",),
}
# C types of sums and maxima over places, and the words of the pooling of a pair of values.
_TYPES: Final = {"s8": ("int16_t", "int8_t"), "s16": ("int32_t", "int16_t")}
_POOL_WORDS: Final = {"s8": 2, "s16": 3}


def _conv(frame: FrameInput) -> Convolution:
    assert frame.conv is not None
    return frame.conv


def members(name: str, frame: FrameInput, suffix: str) -> tuple[Member, ...]:
    """Scratch of the integer kernels."""
    fours, (sums, maxima) = _fours(_conv(frame)), _TYPES[suffix]
    samples = frame.samples + frame.taps  # one more than needed, for the companion of an odd output
    return (
        ("uint32_t", f"{name}_first_layer", 4 * fours),
        ("uint32_t", f"{name}_pooled", _POOL_WORDS[suffix] * _pairs(_conv(frame))),
        ("int16_t", f"{name}_samples", samples + samples % 2),
        (sums, f"{name}_frame_sums", frame.width + frame.width % 2),
        (maxima, f"{name}_frame_maxima", frame.width + frame.width % 2),
    )


def float_members(name: str, frame: FrameInput) -> tuple[Member, ...]:
    """Scratch of the float kernel."""
    return (("float", f"{name}_layers", sum(len(layer.weights) for layer in _conv(frame).layers)),)


def _fours(conv: Convolution) -> int:
    return -(-len(conv.layers[0].weights) // 4)


def _pairs(conv: Convolution) -> int:
    return -(-conv.width // 2) if len(conv.layers) > 1 else 2 * _fours(conv)


def constants(name: str, frame: FrameInput, suffix: str) -> str:
    """Layers and structs of the integer kernels."""
    upper, conv = name.upper(), _conv(frame)
    layers = [layer for layer in conv.layers if isinstance(layer, LinearLayer)]
    second = f"{upper}_CONV_SECOND" if len(layers) > 1 else "NULL"
    parts = [c.array(f"{upper}_CONV_FIRST", pack_first(layers[0]), "[pair of values][7 words]")]
    if len(layers) > 1:
        order = "[pair of values][offsets, weights of four inputs, factors]"
        parts.append(c.array(second, pack_second(layers[1], 4 * _fours(conv)), order))
    fields = {
        "width": f"{conv.width}u",
        "stride": f"{conv.stride}u",
        "first_fours": f"{_fours(conv)}u",
        "pairs": f"{_pairs(conv)}u",
        "first": f"{upper}_CONV_FIRST",
        "second": second,
        "first_shift": f"{layers[0].shift}u",
        "second_shift": f"{layers[-1].shift}u",
    }
    parts.append(c.struct("myofin_conv_t", f"{upper}_CONV", fields))
    whole = {"width": f"{conv.width}u", "hops": "1u", "hop_values": "0u", "count": str(frame.samples)}
    parts.append(c.struct(f"myofin_hops_{suffix}_t", f"{upper}_FRAME", whole))
    return "\n".join(parts)


def _words(lower: NDArray[Any], upper: NDArray[Any]) -> NDArray[np.int32]:
    words = (lower.astype(np.int64) & 0xFFFF) | (upper.astype(np.int64) << 16)
    return words.astype(np.int32)


def _filled(layer: LinearLayer, outputs: int, inputs: int) -> LinearLayer:
    """The layer with outputs and inputs of zeros added; such an output is 0."""
    rows, columns = outputs - len(layer.weights), inputs - layer.weights.shape[1]
    return LinearLayer(
        np.pad(layer.weights, ((0, rows), (0, columns))),
        np.pad(layer.offsets, (0, rows)),
        np.pad(layer.factors, (0, rows)),
        layer.shift,
    )


def pack_first(layer: LinearLayer) -> NDArray[np.int32]:
    """A layer over three samples as ``[pairs of outputs, 7]`` words, outputs filled up to fours."""
    filled = _filled(layer, -(-len(layer.weights) // 4) * 4, 3)
    weights, offsets, factors = (a.reshape(-1, 2, *a.shape[1:]) for a in _arrays(filled))
    early = _words(weights[:, :, 0], weights[:, :, 1])
    late = _words(weights[:, 0, 2], weights[:, 1, 2])
    return np.concatenate([early, late[:, np.newaxis], offsets, factors], axis=1)


def pack_second(layer: LinearLayer, inputs: int) -> NDArray[np.int32]:
    """A pointwise layer as ``[pairs of outputs, 4 + inputs]`` words, ``inputs`` being whole fours."""
    filled = _filled(layer, len(layer.weights) + len(layer.weights) % 2, inputs)
    weights, offsets, factors = (a.reshape(-1, 2, *a.shape[1:]) for a in _arrays(filled))
    words = _words(weights[:, :, 0::2], weights[:, :, 1::2])  # [pair, value, inputs / 2]
    fours = words.reshape(len(words), 2, -1, 2).transpose(0, 2, 1, 3).reshape(len(words), -1)
    return np.concatenate([offsets, fours, factors], axis=1)


def _arrays(layer: LinearLayer) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return layer.weights, layer.offsets, layer.factors


def float_constants(name: str, frame: FrameInput) -> str:
    """Layers and structs of the float kernel."""
    upper, conv = name.upper(), _conv(frame)
    parts, fields = [], {}
    for field, layer in zip(("first", "second"), conv.layers, strict=False):
        assert isinstance(layer, FloatDense)
        prefix = f"{upper}_CONV_{field.upper()}"
        outputs, inputs = layer.weights.shape
        parts.append(c.array(f"{prefix}_WEIGHTS", layer.weights, "[output][input]"))
        parts.append(c.array(f"{prefix}_BIAS", layer.bias))
        bounds = ", ".join(c.number(bound, "float32") for bound in (layer.low, layer.high))
        fields[field] = f"{{{inputs}u, {outputs}u, {prefix}_WEIGHTS, {prefix}_BIAS, {bounds}}}"
    fields.setdefault("second", "{0u, 0u, NULL, NULL, 0.0f, 0.0f}")
    fields |= {"count": f"{frame.samples}u", "stride": f"{conv.stride}u"}
    return "\n".join([*parts, c.struct("myofin_conv_f32_t", f"{upper}_CONV", fields)])


def functions(name: str, frame: FrameInput, suffix: str) -> str:
    """``NAME_convolve`` adds places to the pooling and writes it out; ``NAME_pool`` pools a whole frame."""
    upper, (sums, maxima) = name.upper(), _TYPES[suffix]
    join = f"myofin_pool_{suffix}_join("
    return "\n".join(
        [
            "/* Adds `added` places from `first` on to the pooling, which has `count` then. */",
            f"static void {name}_convolve(myofin_state_t *state, uint32_t first, uint32_t added,",
            f"{' ' * len(f'static void {name}_convolve(')}uint32_t count, {sums} *sums, {maxima} *maxima)",
            "{",
            f"    myofin_conv(&{upper}_CONV, state->{name}_samples + first, added,",
            f"                state->{name}_first_layer, state->{name}_pooled);",
            f"    myofin_conv_sums(&{upper}_CONV, state->{name}_pooled, count, sums, maxima);",
            "}",
            "",
            "/* The poolings of a whole frame of one channel. */",
            f"static void {name}_pool(myofin_state_t *state, const int8_t *codes, {maxima} *mean,",
            f"{' ' * len(f'static void {name}_pool(')}{maxima} *maximum)",
            "{",
            f"    myofin_conv_gather(&{upper}_CONV, codes, {frame.samples + frame.taps - 1}u,",
            f"                       state->{name}_samples);",
            f"    memset(state->{name}_pooled, 0, sizeof(state->{name}_pooled));",
            f"    {name}_convolve(state, 0u, {frame.samples}u, {frame.samples}u, state->{name}_frame_sums,",
            f"    {' ' * len(name)}          state->{name}_frame_maxima);",
            f"    {join}&{upper}_FRAME, state->{name}_frame_sums,",
            f"    {' ' * len(join)}state->{name}_frame_maxima, mean, maximum);",
            "}",
            "",
        ]
    )


def pool_lines(name: str, scheme: str, samples: str, places: dict[str, str]) -> list[str]:
    """The statement that pools the frame at ``samples`` to the places of the modes."""
    mean, maximum = (places.get(mode, "NULL") for mode in POOL_MODES)
    if scheme == "f32":
        return [
            f"myofin_conv_f32(&{name.upper()}_CONV, {samples}, state->{name}_layers, {mean},",
            f"                {maximum});",
        ]
    return [f"{name}_pool(state, {samples}, {mean}, {maximum});"]
