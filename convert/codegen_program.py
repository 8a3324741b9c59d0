"""What the generator emits: a program of few steps on named buffers, all sizes known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_arithmetic import NO_SCALE, DenseWeights, FloatDense, Scale
from myofin.convert.codegen_s16 import DenseWeights16, OnceScale
from myofin.convert.codegen_staircase import LinearLayer

Scheme = Literal["int8", "int16x8", "float32"]
PoolMode = Literal["mean", "max"]
POOL_MODES: tuple[PoolMode, ...] = ("mean", "max")


@dataclass(frozen=True)
class Buffer:
    """``size`` values of the scheme's type: a member of the state struct, or the codes of the window."""

    name: str
    size: int
    in_state: bool = True


@dataclass(frozen=True, eq=False)
class Convolution:
    """An embedding whose first layer spans several samples of a channel; then at most one pointwise layer.

    Attributes:
        layers: Their weights are ``[width, taps]`` and ``[width, width of the first]``.
        stride: Codes from one tap to the next.
    """

    layers: tuple[LinearLayer | FloatDense, ...]
    stride: int

    @property
    def taps(self) -> int:
        """Samples that the first layer spans."""
        return int(self.layers[0].weights.shape[1])

    @property
    def width(self) -> int:
        """Values of one output."""
        return int(self.layers[-1].weights.shape[0])


@dataclass(frozen=True)
class FrameInput:
    """How one step of an LSTM takes its inputs from the codes of a window.

    The codes of group j, sample i, for sequence b and step t are at
    ``offset + b*batch_stride + t*step_stride + j*group_stride + i*sample_stride``.

    Attributes:
        table: ``[256, width]``, embedding of the code ``row - 128``; None: the codes themselves, or ``conv``.
        modes: The poolings over the samples of a group; none: every group is one sample.
        groups: Number of groups; ``samples``: codes in each, or places of the convolution, which begin there.
        hop_codes: Codes of one hop, all channels.
        conv: What embeds the codes in place of a table.
    """

    table: NDArray[Any] | None
    modes: tuple[PoolMode, ...]
    offset: int
    batch_stride: int
    step_stride: int
    groups: int
    group_stride: int
    samples: int
    sample_stride: int
    hop_codes: int
    conv: Convolution | None = None

    @property
    def plain(self) -> bool:
        """Whether the codes themselves are the inputs."""
        return self.table is None and self.conv is None

    @property
    def taps(self) -> int:
        """Samples that one embedding spans."""
        return 1 if self.conv is None else self.conv.taps

    @property
    def hops(self) -> int:
        """Hops that one step takes; 0 where steps begin within a hop, or there is one step only."""
        return 0 if self.step_stride % self.hop_codes else self.step_stride // self.hop_codes

    @property
    def hop_samples(self) -> int:
        """Samples of one hop that a group takes; 0 where hops have unlike shares of the group."""
        hops, samples = self.hops, self.samples + self.taps - 1
        whole = hops > 0 and samples % hops == 0 and samples * self.sample_stride == hops * self.hop_codes
        return samples // hops if whole else 0

    @property
    def width(self) -> int:
        """Embedding values of one code, or of one place of the convolution."""
        if self.conv is not None:
            return self.conv.width
        return 1 if self.table is None else int(self.table.shape[1])

    @property
    def size(self) -> int:
        """Inputs of the LSTM."""
        return self.groups * self.width * max(1, len(self.modes))


@dataclass(frozen=True)
class LstmNumbers:
    """Constants of an LSTM; gates in the order input, forget, cell, output.

    Attributes:
        input_weights: ``[4, units, inputs]``; ``recurrent_weights``: ``[4, units, units]``.
        input_bias: ``[4, units]``, on int8 with the zero point folded in.
        cell_clip: 0 for none; in units of the cell state on int8.
        scales: On int8: the factors by their name in the C struct, and of the gates a tuple of four.
    """

    input_weights: NDArray[Any]
    recurrent_weights: NDArray[Any]
    input_bias: NDArray[Any]
    cell_clip: float
    input_scales: tuple[Scale, ...] | tuple[OnceScale, ...] = ()
    recurrent_scales: tuple[Scale, ...] | tuple[OnceScale, ...] = ()
    forget_scale: Scale = NO_SCALE
    update_scale: Scale = NO_SCALE
    hidden_scale: Scale = NO_SCALE
    tanh_factor: int = 0
    tanh_shift: int = 0
    hidden_zero_point: int = 0

    @property
    def units(self) -> int:
        """Number of units."""
        return int(self.input_bias.shape[1])


@dataclass(frozen=True)
class LstmStep:
    """An LSTM over ``steps`` steps of each of ``batch`` sequences.

    Attributes:
        frame: Where the inputs lie: in the codes, or as plain values in ``source``.
        output: The last hidden values ``[batch, units]``, or where ``whole`` all, ``[batch, steps, units]``.
        source: What an earlier step computed, ``[batch, steps, inputs]``; None: the codes of the window.
        carry: Whether the state is kept from one call to the next.
    """

    name: str
    frame: FrameInput
    numbers: LstmNumbers
    batch: int
    steps: int
    output: Buffer
    source: Buffer | None = None
    whole: bool = False
    carry: bool = False

    @property
    def sources(self) -> tuple[Buffer, ...]:
        """Buffers that it reads."""
        return () if self.source is None else (self.source,)


@dataclass(frozen=True)
class OnBuffer:
    """What reads one buffer and writes another."""

    name: str
    source: Buffer
    output: Buffer

    @property
    def sources(self) -> tuple[Buffer, ...]:
        """Buffers that it reads."""
        return (self.source,)


@dataclass(frozen=True)
class EmbedStep:
    """Embedded and pooled codes as values, ``[batch, steps, frame.size]``, for what is not an LSTM."""

    name: str
    frame: FrameInput
    batch: int
    steps: int
    output: Buffer

    @property
    def sources(self) -> tuple[Buffer, ...]:
        """Buffers that it reads: none, since it takes the codes."""
        return ()


@dataclass(frozen=True)
class DenseStep(OnBuffer):
    """A fully connected layer on ``rows`` rows."""

    layer: DenseWeights | DenseWeights16 | FloatDense
    rows: int


@dataclass(frozen=True)
class AddStep(OnBuffer):
    """Addition of a constant vector to each row; on int8 the constants are in the sum's common scale."""

    constants: NDArray[Any]
    low: float
    high: float
    rows: int
    input_zero_point: int = 0
    zero_point: int = 0
    input_scale: Scale = NO_SCALE
    output_scale: Scale = NO_SCALE


@dataclass(frozen=True)
class RescaleStep(OnBuffer):
    """Each value in another scale (on integers), then clamped: RELU, RELU6, QUANTIZE."""

    low: float
    high: float
    input_zero_point: int = 0
    zero_point: int = 0
    scale: Scale = NO_SCALE


@dataclass(frozen=True)
class MeanStep(OnBuffer):
    """Mean over the middle axis of ``[outer, count, inner]``; on integers ``scale`` holds the division."""

    outer: int
    count: int
    inner: int
    input_zero_point: int = 0
    zero_point: int = 0
    scale: Scale = NO_SCALE


@dataclass(frozen=True)
class JoinStep:
    """Buffers side by side: row i of the output is row i of each source, one after the other."""

    name: str
    sources: tuple[Buffer, ...]
    rows: int
    output: Buffer


@dataclass(frozen=True)
class GatherStep(OnBuffer):
    """Values of one buffer in another order, where the order cannot be folded into weights."""

    indices: NDArray[np.int64]


Step = LstmStep | EmbedStep | JoinStep | OnBuffer


def reads_codes(step: Step) -> bool:
    """Whether the step takes the codes of the window."""
    if isinstance(step, LstmStep):
        return step.source is None
    return isinstance(step, EmbedStep) or any(not source.in_state for source in step.sources)


@dataclass(frozen=True)
class Program:
    """The whole network: the steps up to the features and the last LSTM, then those of the head.

    The head reads neither codes nor the state of an LSTM, so it may be left out or repeated.
    """

    scheme: Scheme
    frames: int
    frame_codes: int
    fin: tuple[Step, ...]
    head: tuple[Step, ...]
    features: Buffer
    logits: Buffer
