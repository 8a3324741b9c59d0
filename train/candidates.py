"""What an evaluation asks of a method, and where the methods are: names to classes, imported when asked for.

A method learns from windows and decides on others; it never sees which of them are right. What it may choose
by comparison, it chooses on the validation windows. Baselines are in ``lda_baselines.py``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from numpy.typing import NDArray

from myofin.errors import InputError
from myofin.frontend import WINDOW_FRAMES
from myofin.recordings.model import Recording
from myofin.train.protocols import HOP_FRAMES, Use
from myofin.windows import WindowSet


@dataclass(frozen=True)
class Source:
    """Windows of one recording, with their labels.

    Attributes:
        recording: Where the windows are.
        windows: Windows of 30 frames; labels are those to be decided, also where they lie ahead.
    """

    recording: Recording
    windows: WindowSet

    def __len__(self) -> int:
        return len(self.windows)


def _nothing() -> Iterator[Source]:
    yield from ()


@dataclass(frozen=True)
class Task:
    """One thing to learn and to be measured on.

    Attributes:
        classes: Labels to tell apart, ascending; 0 (rest) is one of them only where rest is to be recognised.
        frame_samples: Samples of one channel in a frame of 10 ms.
        train: Windows to learn from, one source a recording.
        validation: Windows that may choose; they may then be learned from too. Can be empty.
        test: Windows to decide on.
        others: Yields windows of participants that are not tested, one recording in memory at a time; their
            labels are not for learning.
        seed: Of every choice of chance.
        window_frames: Only so many of the last frames of a window may be used (10 to 30).
        ahead_hops: The label is that of the window so many hops later; features to imitate are those there.
        pretrain_on_self: Whether the test subject's training windows may pre-train beside others'.
        hop_frames: Frames from one window to the next within a trial.
        others_uses: What ``others`` reads, to name it without reading it.
        cache: Folder where a method may keep what it can use again, under names that hash all it depends on.
    """

    classes: tuple[int, ...]
    frame_samples: int
    train: tuple[Source, ...]
    validation: tuple[Source, ...]
    test: Source
    others: Callable[[], Iterator[Source]] = _nothing
    seed: int = 0
    window_frames: int = WINDOW_FRAMES
    ahead_hops: int = 0
    cache: Path | None = None
    pretrain_on_self: bool = True
    hop_frames: int = HOP_FRAMES
    others_uses: tuple[Use, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a method decided on the test windows, by scheme (``float32``, ``int8``, ...).

    Attributes:
        scores: ``[w, classes]`` of each scheme, higher is likelier; the highest is the decision.
        features: Natural-domain features ``[w, channels, names]`` of each scheme, where it imitates any.
        names: Of those features.
        facts: Whatever is worth keeping: what was chosen, seconds, sizes. Plain JSON types.
        measured: Windows and labels of the scores where they are not the task's: the paper's released code
            labels its test windows in its own way.
    """

    scores: Mapping[str, NDArray[Any]]
    features: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    measured: Source | None = None


class Method(Protocol):
    """A way of recognising movements."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def seeded(self) -> bool:
        """Whether the seed changes anything."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """Every setting that changes what it computes; part of the key under which results are kept."""
        ...

    def run(self, task: Task) -> Outcome:
        """Learn from the task's windows and decide on its test windows."""
        ...


# name -> "module:factory"; a factory takes the name and returns the method.
CANDIDATES: Mapping[str, str] = MappingProxyType(
    {
        "lda-four": "myofin.train.lda_baselines:make",
        "lda-loghtd": "myofin.train.lda_baselines:make",
        "lda-all": "myofin.train.lda_baselines:make",
        "arithmetic": "myofin.train.arithmetic_candidates:make",
        "arithmetic-four": "myofin.train.arithmetic_candidates:make",
        "default": "myofin.train.network_candidates:make",
        "frozen-fin": "myofin.train.network_candidates:make",
        "tuned-fin": "myofin.train.network_candidates:make",
        "fin-four": "myofin.train.network_candidates:make",
        "closed-form-head": "myofin.train.network_candidates:make",
        "random-init": "myofin.train.network_candidates:make",
        "raw-cnn": "myofin.train.network_candidates:make",
        "paper-released": "myofin.train.paper:make",
        "paper-mended": "myofin.train.paper:make",
    }
)


def make_method(name: str) -> Method:
    """Return the method of this name.

    Raises:
        InputError: There is none.
    """
    if name not in CANDIDATES:
        raise InputError(f"There is no method {name!r}.", hint=f"Choose from {', '.join(CANDIDATES)}.")
    module, factory = CANDIDATES[name].split(":")
    method: Method = getattr(importlib.import_module(module), factory)(name)
    return method
