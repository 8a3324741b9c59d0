"""The sizes of the network, and the weights that its first layer starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from myofin.errors import InputError

Layout = Literal["shared", "joint"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
EMBEDDING_SLOPE = 4.0
HIGHEST_KINK, HIGHEST_NEGATIVE_KINK, SECOND_KINK = 0.6, 0.4, 0.25
DIFFERENCES = ((-1, 1, 0), (-0.5, 1, -0.5), (-1, 0, 1), (1, -1, 0), (0.5, -1, 0.5), (1, 0, -1))


@dataclass(frozen=True)
class NetworkShape:
    """Every size of the network; counts, no units.

    Attributes:
        layout: Whether the LSTM takes every channel by itself, with the same weights, or all of them at once.
        frame_samples: Samples of one channel in one hop.
        frames: Hops of a window.
        frame_hops: Hops that one step of the LSTM takes together, a *network frame*.
        taps: Samples that the first embedding layer spans, all within one network frame: 1 or 3.
        embedding_layers: Layers of the embedding; those after the first are pointwise.

    Raises:
        InputError: The window is no whole number of network frames, or a network frame is too short.
    """

    channels: int
    frame_samples: int
    classes: int
    frames: int = 30
    features: int = 4
    embedding: int = 16
    units: int = 16
    frame_hops: int = 1
    taps: int = 1
    embedding_layers: int = 2
    layout: Layout = "shared"

    def __post_init__(self) -> None:
        if self.frame_hops < 1 or self.frames % self.frame_hops:
            raise InputError(
                f"{self.frames} hops are no whole number of frames of {self.frame_hops} hops.",
                hint="Give frame_hops 1, 2, 3, 5, 6 or 10.",
            )
        if self.pooled_samples < 1:
            raise InputError(
                f"{self.step_samples} samples a frame are too few for a layer that spans {self.taps}.",
                hint="Give more hops to a frame (frame_hops), or taps 1.",
            )

    @property
    def lanes(self) -> int:
        """Channels that one sequence of the LSTM holds: one, or all."""
        return self.channels if self.layout == "joint" else 1

    @property
    def steps(self) -> int:
        """Steps of the LSTM over a window: its network frames."""
        return self.frames // self.frame_hops

    @property
    def step_samples(self) -> int:
        """Samples of one channel in one network frame."""
        return self.frame_hops * self.frame_samples

    @property
    def pooled_samples(self) -> int:
        """Outputs of the embedding in one network frame."""
        return self.step_samples - self.taps + 1

    @property
    def frame_codes(self) -> int:
        """Codes of one hop over all channels."""
        return self.frame_samples * self.channels


def sequences_of(codes: NDArray[np.int8], shape: NetworkShape) -> NDArray[np.int8]:
    """What the LSTM takes one by one, of codes ``[w, 30, samples * channels]``.

    Returns:
        Where channels share it ``[w * channels, 30, samples]``, channel fastest; where it is joint, the same.
    """
    if shape.lanes == shape.channels:
        return codes
    windows, frames, width = codes.shape
    samples = width // shape.channels
    split = codes.reshape(windows, frames, samples, shape.channels).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(split).reshape(windows * shape.channels, frames, samples)


def spread_kinks(width: int, taps: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """First layer of the embedding: ReLUs whose kinks lie spread over the codes / 128.

    With zero biases every ReLU would bend at 0 and the embedding could tell only the sign at first; spread
    kinks make it piecewise linear from the start. Entropy depends on the exact heights of positive peaks up
    to some 20 standard deviations, .6 of the codes: the kinks lie below that. One unit in four looks at
    negative samples. Of three taps, half of the units look at differences instead, which carry the frequency
    content: of neighbours, second, and over two samples, in both directions.

    Returns:
        Kernel ``[taps, width]`` and bias ``[width]``.
    """
    plain = width if taps == 1 else width // 2
    negative = plain // 4
    kinks = np.zeros(width)
    kinks[: plain - negative] = np.linspace(0.0, HIGHEST_KINK, plain - negative)
    kinks[plain - negative : plain] = np.linspace(0.0, HIGHEST_NEGATIVE_KINK, negative)
    kinks[plain + len(DIFFERENCES) :] = SECOND_KINK
    patterns = np.zeros((width, taps))
    patterns[: plain - negative, taps // 2] = 1
    patterns[plain - negative : plain, taps // 2] = -1
    for place in range(plain, width):
        patterns[place] = DIFFERENCES[(place - plain) % len(DIFFERENCES)]
    return (EMBEDDING_SLOPE * patterns.T).astype(np.float32), (-EMBEDDING_SLOPE * kinks).astype(np.float32)
