"""What the generator emits: a program of few steps on named buffers, all sizes known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_arithmetic import NO_SCALE, DenseWeights, FloatDense, Scale

Scheme = Literal["int8", "float32"]
PoolMode = Literal["mean", "max"]
POOL_MODES: tuple[PoolMode, ...] = ("mean", "max")


@dataclass(frozen=True)
class Buffer:
    """``size`` values of the scheme's type, a member of the state struct."""

    name: str
    size: int


@dataclass(frozen=True)
class FrameInput:
    """How one step of an LSTM takes its inputs from the codes of a window.

    The codes of group j, sample i, for sequence b and step t are at
    ``offset + b*batch_stride + t*step_stride + j*group_stride + i*sample_stride``.

    Attributes:
        table: ``[256, width]``, embedding of the code ``row - 128``; None: the codes themselves.
        modes: The poolings over the samples of a group; none: every group is one sample.
        groups: Number of groups; ``samples``: codes in each.
        hop_codes: Codes of one hop, all channels.
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

    @property
    def hops(self) -> int:
        """Hops that one step takes; 0 where steps begin within a hop, or there is one step only."""
        return 0 if self.step_stride % self.hop_codes else self.step_stride // self.hop_codes

    @property
    def hop_samples(self) -> int:
        """Of the samples of a group, those of one hop; 0 where hops have unlike shares of them."""
        hops = self.hops
        whole = hops > 0 and self.samples % hops == 0
        whole = whole and self.samples * self.sample_stride == hops * self.hop_codes
        return self.samples // hops if whole else 0

    @property
    def width(self) -> int:
        """Embedding values of one code."""
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
    input_scales: tuple[Scale, ...] = ()
    recurrent_scales: tuple[Scale, ...] = ()
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
    """An LSTM over the frames of the window for each of ``batch`` sequences; keeps the last hidden states."""

    name: str
    frame: FrameInput
    numbers: LstmNumbers
    batch: int
    steps: int
    output: Buffer


@dataclass(frozen=True)
class DenseStep:
    """A fully connected layer on ``rows`` rows."""

    name: str
    layer: DenseWeights | FloatDense
    rows: int
    source: Buffer
    output: Buffer


@dataclass(frozen=True)
class AddStep:
    """Addition of a constant vector to each row; on int8 the constants are in the sum's common scale."""

    name: str
    constants: NDArray[Any]
    low: float
    high: float
    rows: int
    source: Buffer
    output: Buffer
    input_zero_point: int = 0
    zero_point: int = 0
    input_scale: Scale = NO_SCALE
    output_scale: Scale = NO_SCALE


@dataclass(frozen=True)
class GatherStep:
    """Values of one buffer in another order, where the order cannot be folded into weights."""

    name: str
    indices: NDArray[np.int64]
    source: Buffer
    output: Buffer


Step = LstmStep | DenseStep | AddStep | GatherStep


@dataclass(frozen=True)
class Program:
    """The whole network: the steps up to the features, then those of the head."""

    scheme: Scheme
    frames: int
    frame_codes: int
    fin: tuple[Step, ...]
    head: tuple[Step, ...]
    features: Buffer
    logits: Buffer
