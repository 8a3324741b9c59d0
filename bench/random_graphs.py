"""Random networks of the kinds that the C engine supports, with random weights and quantization.

Scales are drawn so that gates, cell states and sums lie anywhere between a few steps of their type and deep
saturation. Nothing is trained or calibrated: an arithmetic that is equal here is equal everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flatbuffer_builder import FlatbufferBuilder
from numpy.typing import NDArray

FUSED = {"none": 0, "relu": 1, "relu6": 3}
TANH = 4
ACTIVATIONS = {"int8": "int8", "int16x8": "int16", "float32": "float32"}
FINER = 256  # steps of int16 in one of int8: scales below are drawn as for int8
BIAS_REACH = {"int8": 2**24, "int16x8": 2**30}


@dataclass(frozen=True)
class RandomGraph:
    """One network.

    Attributes:
        model: Content of the `.tflite` file.
        channels: Channels that the codes of a frame are divided among.
        carry: Whether it is a network of one step, for the state contract ``carry``.
        summary: What it consists of.
    """

    model: bytes
    channels: int
    carry: bool
    summary: str


def _product(a: float, b: float) -> float:
    """In single precision, as converters write the scale of a bias."""
    return float(np.float32(a) * np.float32(b))


@dataclass
class _Value:
    """A computed tensor: index, shape and, on int8, its quantization and a guess of its spread in steps."""

    index: int
    shape: tuple[int, ...]
    scale: float = 1.0
    zero_point: int = 0


@dataclass
class _Maker:
    """Adds layers with random numbers to one graph."""

    rng: np.random.Generator
    scheme: str
    build: FlatbufferBuilder = field(default_factory=FlatbufferBuilder)
    parts: list[str] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def log_uniform(self, low: float, high: float) -> float:
        return float(np.float32(math.exp(self.rng.uniform(math.log(low), math.log(high)))))

    @property
    def wide(self) -> bool:
        return self.scheme == "int16x8"

    def coarse(self, x: _Value) -> float:
        """The scale that ``x`` would have on int8."""
        return x.scale * FINER if self.wide else x.scale

    def value(self, shape: tuple[int, ...], scale: float, zero_point: int) -> _Value:
        """A computed tensor; ``scale`` is that of int8."""
        scale = float(np.float32(scale / FINER)) if self.wide else scale
        scales = () if self.scheme == "float32" else (scale,)
        index = self.build.tensor(shape, ACTIVATIONS[self.scheme], scales=scales, zero_point=zero_point)
        return _Value(index, shape, scale, zero_point)

    def zero_point(self) -> int:
        if self.wide:
            return 0
        return int(self.rng.choice([-128, 127, 0, int(self.rng.integers(-128, 128))], p=[0.1, 0.1, 0.3, 0.5]))

    def constant(self, values: list[int]) -> int:
        return self.build.tensor((len(values),), "int32", data=np.array(values, np.int32))

    def int8_weights(self, shape: tuple[int, ...]) -> NDArray[np.int8]:
        """Weights of any distribution: uniform, normal, sparse, or only extremes; never -128."""
        kind = self.rng.integers(0, 4)
        if kind == 0:
            return self.rng.choice(np.array([-127, 127], np.int8), shape)
        if kind == 1:
            return self.rng.integers(-127, 128, shape).astype(np.int8)
        values = np.clip(np.rint(self.rng.normal(0, 35, shape)), -127, 127).astype(np.int8)
        return values * self.rng.integers(0, 2, shape).astype(np.int8) if kind == 2 else values

    def weights(self, shape: tuple[int, int], scales: list[float], gain: float) -> int:
        if self.scheme == "float32":
            spread = gain / math.sqrt(shape[1])
            return self.build.tensor(
                shape, "float32", data=self.rng.normal(0, spread, shape).astype(np.float32)
            )
        return self.build.tensor(shape, "int8", data=self.int8_weights(shape), scales=scales)

    def bias(self, size: int, scales: list[float], reach: float) -> int:
        """A bias that reaches ``reach`` in real units, with one scale or one for each value."""
        real = self.rng.uniform(-reach, reach, size)
        if self.scheme == "float32":
            return self.build.tensor((size,), "float32", data=real.astype(np.float32))
        limit, dtype = BIAS_REACH[self.scheme], np.int64 if self.wide else np.int32
        steps = np.clip(np.rint(real / np.array(scales)), -limit, limit).astype(dtype)
        return self.build.tensor((size,), steps.dtype.name, data=steps, scales=scales)

    def move(
        self, kind: str, x: _Value, shape: tuple[int, ...], extra: list[int], options: str = "", **fields: Any
    ) -> _Value:
        y = self.value(shape, self.coarse(x), x.zero_point)
        self.build.operator(kind, [x.index, *extra], y.index, options, fields)
        return y

    def reshape(self, x: _Value, shape: tuple[int, ...]) -> _Value:
        return self.move(
            "RESHAPE", x, shape, [self.constant(list(shape))], "ReshapeOptions", newShape=list(shape)
        )

    def transpose(self, x: _Value, axes: list[int]) -> _Value:
        shape = tuple(x.shape[axis] for axis in axes)
        return self.move("TRANSPOSE", x, shape, [self.constant(axes)], "TransposeOptions")

    def last_step(self, x: _Value) -> _Value:
        batch, steps, units = x.shape
        bounds = [self.constant([0, -1, 0]), self.constant([batch, steps, units]), self.constant([1, 1, 1])]
        return self.move("STRIDED_SLICE", x, (batch, units), bounds, "StridedSliceOptions",
                         beginMask=5, endMask=5, shrinkAxisMask=2, ellipsisMask=0, newAxisMask=0)  # fmt: skip

    def mean(self, x: _Value, axis: int, keep: bool) -> _Value:
        shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape) if keep or i != axis)
        changes = self.chance(0.5)
        scale = self.coarse(x) * (self.log_uniform(0.05, 2.0) if changes else 1.0)
        y = self.value(shape, scale, self.zero_point() if changes else x.zero_point)
        self.build.operator(
            "MEAN", [x.index, self.constant([axis])], y.index, "ReducerOptions", {"keepDims": keep}
        )
        self.parts.append("mean")
        return y

    def rescaled(self, kind: str, x: _Value, scale: float, zero_point: int) -> _Value:
        """RELU, RELU6 or QUANTIZE; ``scale`` is that of int8."""
        y = self.value(x.shape, scale, zero_point)
        self.build.operator(kind, [x.index], y.index, "QuantizeOptions" if kind == "QUANTIZE" else "")
        self.parts.append(kind.lower())
        return y

    def relu(self, x: _Value) -> _Value:
        reaches_six = not self.wide or 6 / x.scale < 2**15 - 1  # without, the kernel of int16 refuses
        if self.chance(0.3) and reaches_six:
            return self.rescaled("RELU6", x, self.coarse(x), x.zero_point)
        return self.rescaled("RELU", x, self.coarse(x) * self.log_uniform(0.3, 3.0), self.zero_point())

    def dense(self, x: _Value, units: int) -> _Value:
        """FULLY_CONNECTED over the last axis: per tensor or channel, with or without bias or activation."""
        inputs, per_channel = x.shape[-1], self.scheme != "float32" and self.chance(0.4)
        gain, count = self.log_uniform(0.2, 8.0), units if per_channel else 1
        scales = [gain / (60 * math.sqrt(inputs)) * self.log_uniform(0.5, 2.0) for _ in range(count)]
        weights = self.weights((units, inputs), scales, gain)
        bias, biased = -1, self.wide or self.chance(0.7)
        if biased:
            bias = self.bias(units, [_product(x.scale, s) for s in scales], self.log_uniform(0.01, 3.0))
        activation = str(self.rng.choice(["none"] * 5 + ["relu", "relu6"]))
        step = self.coarse(x) * scales[0] * math.sqrt(inputs) * 50 * self.log_uniform(0.1, 4.0)
        y = self.value((*x.shape[:-1], units), step, self.zero_point())
        fields = {"fusedActivationFunction": FUSED[activation], "keepNumDims": len(x.shape) > 2}
        self.build.operator(
            "FULLY_CONNECTED", [x.index, weights, bias], y.index, "FullyConnectedOptions", fields
        )
        self.parts.append(f"dense{units}{'c' if per_channel else ''}{'b' if biased else ''}{activation[:4]}")
        return y

    def lstm(self, x: _Value, units: int) -> _Value:
        batch, steps, inputs = x.shape
        scales = [self.log_uniform(0.1, 30.0) for _ in range(8)]
        loudness = (1 / 128 / self.coarse(x) / 0.4) ** 0.5
        ins = [gain / (60 * math.sqrt(inputs)) * loudness for gain in scales[:4]]
        recurrent = [gain / (60 * math.sqrt(units)) for gain in scales[4:]]
        weights = [self.weights((units, inputs), [s], g) for s, g in zip(ins, scales[:4], strict=True)]
        weights += [self.weights((units, units), [s], g) for s, g in zip(recurrent, scales[4:], strict=True)]
        biases = [self.bias(units, [_product(x.scale, s)], self.log_uniform(0.05, 12.0)) for s in ins]
        y = self.value((batch, steps, units), self.log_uniform(2.0**-9, 2.0**-6), self.zero_point())
        states = self.states(batch, units, y)
        clip = self.log_uniform(0.3, 12.0) if self.chance(0.4) else 0.0
        fields = {"fusedActivationFunction": TANH, "cellClip": clip, "projClip": 0.0, "timeMajor": False}
        everything = [x.index, *weights, -1, -1, -1, *biases, -1, -1, *states, -1, -1, -1, -1]
        self.build.operator(
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            everything,
            y.index,
            "UnidirectionalSequenceLSTMOptions",
            fields,
            self.intermediates(y),
        )
        self.parts.append(f"lstm{batch}x{steps}x{inputs}x{units}")
        return y

    def states(self, batch: int, units: int, y: _Value) -> tuple[int, int]:
        """Hidden state, quantized as the output, and cell state, which fills 16 bits or little of them."""
        shape = (batch, units)
        if self.scheme == "float32":
            return self.build.tensor(shape, "float32", variable=True), self.build.tensor(
                shape, "float32", variable=True
            )
        cell_scale = 2.0 ** int(self.rng.integers(-16, -8))
        kind = ACTIVATIONS[self.scheme]
        hidden = self.build.tensor(shape, kind, variable=True, scales=[y.scale], zero_point=y.zero_point)
        return hidden, self.build.tensor(shape, "int16", variable=True, scales=[cell_scale])

    def intermediates(self, y: _Value) -> list[int]:
        """Five tensors that hold scales only; the TFLite runtime reads the last one."""
        if self.scheme == "float32":
            return []
        gates = [self.build.tensor((0,), "int16", scales=[2.0**-12]) for _ in range(4)]
        return [*gates, self.build.tensor((0,), "int8", scales=[y.scale], zero_point=y.zero_point)]

    def join(self, parts: list[_Value]) -> _Value:
        """CONCATENATION over the last axis; all are brought to the first one's scale, as TFLM demands."""
        first = parts[0]
        quantization = (self.coarse(first), first.zero_point)
        if self.scheme != "float32":
            parts = [
                p
                if (self.coarse(p), p.zero_point) == quantization
                else self.rescaled("QUANTIZE", p, *quantization)
                for p in parts
            ]
        y = self.value((*first.shape[:-1], sum(p.shape[-1] for p in parts)), *quantization)
        fields = {"axis": len(first.shape) - 1, "fusedActivationFunction": 0}
        sources = [p.index for p in parts]
        self.build.operator("CONCATENATION", sources, y.index, "ConcatenationOptions", fields)
        self.parts.append("join")
        return y


def random_graph(seed: int, scheme: str) -> RandomGraph:
    """The network of a seed."""
    rng = np.random.default_rng([seed, {"int8": 8, "int16x8": 16, "float32": 32}[scheme]])
    make = _Maker(rng, scheme)
    carry = make.chance(0.15)
    frames = 1 if carry else int(rng.choice([1, 2, 3, 30, int(rng.integers(1, 65))]))
    channels = int(rng.integers(1, 9))
    samples = int(rng.integers(1, max(2, 256 // channels + 1) if make.chance(0.3) else 12))
    codes = make.value((1, frames, samples * channels), 1 / 128, 0)
    x, front = _front(make, codes, channels, samples)
    for layer in range(int(rng.integers(1, 3))):
        if (layer or make.chance(0.2)) and make.chance(0.3):
            x = make.dense(x, int(rng.integers(1, 33)))
        x = make.lstm(x, int(rng.choice([4, int(rng.integers(4, 33)), int(rng.integers(4, 129))])))
    state = make.mean(x, 1, False) if make.chance(0.3) else make.last_step(x)
    features, logits = _head(make, state)
    model = make.build.finish(codes.index, {"features": features.index, "logits": logits.index})
    return RandomGraph(model, channels, carry, f"{front} {' '.join(make.parts)}{' carry' if carry else ''}")


def _front(make: _Maker, codes: _Value, channels: int, samples: int) -> tuple[_Value, str]:
    """What an LSTM takes: the codes of all channels (joint), or each channel a sequence (shared)."""
    frames = codes.shape[1]
    if make.chance(0.5):
        return codes, "joint"
    x = make.reshape(codes, (frames, samples, channels))
    x = make.transpose(x, [2, 0, 1])
    if make.chance(0.3):  # there and back, as converters write it
        x = make.move("EXPAND_DIMS", x, (1, *x.shape), [make.constant([0])])
        x = make.move("SQUEEZE", x, x.shape[1:], [], "SqueezeOptions", squeezeDims=[0])
    return x, "shared"


def _head(make: _Maker, state: _Value) -> tuple[_Value, _Value]:
    """Features for each sequence, then logits from the features, or from them and the LSTM's state."""
    batch = state.shape[0]
    if make.chance(0.05):  # the LSTM's state itself
        return state, make.dense(make.reshape(state, (1, state.shape[0] * state.shape[1])), 5)
    features = make.dense(state, int(make.rng.integers(1, 9)))
    if make.chance(0.25):
        features = make.relu(features)
    features = make.reshape(features, (1, batch * features.shape[1]))
    top = features
    if make.chance(0.4):
        top = make.join([features, make.reshape(state, (1, batch * state.shape[1]))])
    if make.chance(0.4):
        top = make.dense(top, int(make.rng.integers(2, 33)))
        top = make.relu(top) if make.chance(0.5) else top
    return features, make.dense(top, int(make.rng.integers(2, 18)))


def carry_model(scheme: str, hops: int = 1) -> bytes:
    """A network of one step with two LSTMs, on ``hops`` frames of 10 samples of 3 channels."""
    make = _Maker(np.random.default_rng(7), scheme)
    codes = make.value((1, hops, 30), 1 / 128, 0)
    x = make.transpose(make.reshape(codes, (1, hops * 10, 3)), [2, 0, 1])
    x = make.lstm(make.lstm(x, 12), 9)
    features = make.reshape(make.dense(make.last_step(x), 4), (1, 12))
    logits = make.dense(features, 5)
    return make.build.finish(codes.index, {"features": features.index, "logits": logits.index})
