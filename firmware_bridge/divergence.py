"""The first stage at which a board's computation differs from the host's. Pure: records in, words out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_program import LstmStep, Program
from myofin.firmware_bridge.trace import Records

_GATES: Final = ("input", "forget", "cell", "output")


@dataclass(frozen=True)
class Divergence:
    """Where a computation differs first, stage by stage in the order of computing.

    Attributes:
        stage: Name of the stage in the generated C, such as ``lstm0.input``.
        what: The same in words.
        record: Which time the stage was computed, and ``where`` in words.
        place: Place of the first differing value in that record, and ``value`` in words.
        host: The value on the host, ``board`` on the board; None where one computed nothing.
        differing: Values of that record that differ, of ``values``.
    """

    stage: str
    what: str
    record: int
    where: str
    place: int
    value: str
    host: float | None
    board: float | None
    differing: int
    values: int

    def document(self) -> dict[str, Any]:
        """As JSON-able data."""
        return asdict(self) | {"sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        if self.host is None or self.board is None:
            side = "board" if self.board is None else "host"
            return f"First difference: {self.what} ({self.stage}), {self.where}: the {side} computed nothing."
        return (
            f"First difference: {self.what} ({self.stage}), {self.where}, {self.value}: "
            f"board {self.board:g}, host {self.host:g}; {self.differing} of {self.values} values differ."
        )


@dataclass(frozen=True)
class Layout:
    """What places in records mean: the program, its channels, and whether its engine slides."""

    program: Program
    channels: int
    sliding: bool

    def lstm(self, stage: str) -> LstmStep:
        """The LSTM that a stage belongs to."""
        name = stage.partition(".")[0]
        return next(s for s in self.program.fin if isinstance(s, LstmStep) and s.name == name)


def first_divergence(host: Records, board: Records, layout: Layout, tolerance: float) -> Divergence | None:
    """Compare stage by stage, in the host's order; None when everything is equal.

    Args:
        host: Records of one window.
        board: Likewise.
        layout: For the words.
        tolerance: Difference up to which floats are equal; integers must be equal.
    """
    for stage, ours in host.items():
        theirs = board.get(stage, ())
        for number, record in enumerate(ours):
            if number >= len(theirs) or theirs[number].shape != record.shape:
                return _divergence(stage, number, 0, record, None, layout)
            other = theirs[number]
            unequal = ~_equal(record, other, tolerance)
            if unequal.any():
                return _divergence(stage, number, int(np.argmax(unequal)), record, other, layout, unequal)
        if len(theirs) > len(ours):
            return _divergence(stage, len(ours), 0, None, theirs[len(ours)], layout)
    return None


def _equal(host: NDArray[Any], board: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    if host.dtype.kind != "f":
        return np.asarray(host == board)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.abs(board.astype(np.float64) - host.astype(np.float64)) <= tolerance)


def _divergence(
    stage: str,
    record: int,
    place: int,
    host: NDArray[Any] | None,
    board: NDArray[Any] | None,
    layout: Layout,
    unequal: NDArray[np.bool_] | None = None,
) -> Divergence:
    known = host if host is not None else board
    assert known is not None
    return Divergence(
        stage=stage,
        what=_what(stage, layout),
        record=record,
        where=_where(stage, record, layout),
        place=place,
        value=_value(stage, place, layout),
        host=None if host is None else float(host[place]),
        board=None if board is None else float(board[place]),
        differing=len(known) if unequal is None else int(np.count_nonzero(unequal)),
        values=len(known),
    )


def _what(stage: str, layout: Layout) -> str:
    name, _, part = stage.partition(".")
    program = layout.program
    if stage == "codes":
        return "the codes of the front end"
    if part == "pooled":
        return "the embedded and pooled samples"
    if part == "input":
        return "the input half of the LSTM's gates"
    if part == "state":
        return "the LSTM's state"
    step = next(step for step in (*program.fin, *program.head) if step.name == name)
    if step.output == program.features:
        return "the features"
    return "the logits" if step.output == program.logits else "a layer's output"


def _where(stage: str, record: int, layout: Layout) -> str:
    part = stage.partition(".")[2]
    if stage == "codes":
        return f"frame {record}"
    if part not in ("pooled", "input", "state"):
        return "once a window"
    step = layout.lstm(stage)
    if part == "pooled" and layout.sliding and step.source is None:
        time, sequence = divmod(record, step.batch)
        return f"hop {time}, sequence {sequence}"
    sequence, time = divmod(record, step.steps)
    start = ", where it starts anew" if part == "state" and time == 0 and not step.carry else ""
    return f"step {time} of sequence {sequence}{start}"


def _value(stage: str, place: int, layout: Layout) -> str:
    part = stage.partition(".")[2]
    if stage == "codes":
        sample, channel = divmod(place, layout.channels)
        return f"sample {sample} of channel {channel}"
    if part == "input" and layout.program.scheme != "float32":
        return f"{_GATES[place % 4]} gate of unit {place // 4}"
    if part == "state":
        units = layout.lstm(stage).numbers.units
        return f"cell of unit {place}" if place < units else f"hidden value of unit {place - units}"
    return f"value {place}"
