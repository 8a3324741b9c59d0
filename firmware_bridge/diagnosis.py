"""Where a board differs first: a traced image tells every stage of a window, to compare with the host's."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.boards.registry import Board
from myofin.convert.bundle import Bundle
from myofin.convert.codegen_lower import lower
from myofin.convert.flatbuffer import read_model
from myofin.convert.host_trace import slides, trace_window
from myofin.errors import ToolMissingError
from myofin.firmware_bridge.board_run import trace_on_board
from myofin.firmware_bridge.build import Image, build_bundle
from myofin.firmware_bridge.divergence import Layout, first_divergence
from myofin.firmware_bridge.port_option import Port
from myofin.firmware_bridge.reach import board_session
from myofin.firmware_bridge.trace import Piece, Records, join

_NO_STAGES: Final = "TFLM does not tell of its stages; validate the engine c to learn which one differs."
_NEEDS_TRACE: Final = (
    "To learn which stage differs first, build with `myofin build --trace`, flash that image, and give it to "
    "`myofin validate --image`."
)
_EQUAL: Final = (
    "A traced image built from the bundle computes this window as the host does, so the image that differs "
    "is not what the bundle builds, or does not repeat itself."
)
_NO_COMPILER: Final = "There is no C compiler on this machine to compute the stages with."


def diagnose(
    bundle: Bundle,
    board: Board,
    image: Image | None,
    port: Port | None,
    counts: NDArray[np.int16],
    window: int,
) -> dict[str, Any]:
    """Name the first stage of a window at which the board differs from the host.

    Args:
        bundle: What was validated.
        board: On which board.
        image: The image that ran; None: the one on the port.
        port: Where the board is; None: its emulator, where a traced image is built and run for this.
        counts: Windows sent, int16 ``[w, window_samples, channels]``.
        window: The first of them that differs.

    Returns:
        JSON-able: ``window``, ``sentence``, and where a stage was found also what ``Divergence`` holds.

    Raises:
        BoardError: The board does not answer, or part of the trace was lost.
    """
    with ExitStack() as stack:
        if port is None and (image is None or not image.trace):
            if image is not None and image.engine != "c":
                return {"window": window, "sentence": _NO_STAGES}
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="myofin-image-")))
            image = build_bundle(bundle.folder, board, scratch / "image", trace=True)
        session = stack.enter_context(board_session(board, image, port))
        theirs = trace_on_board(session, bundle.body.contract, counts, window)
    if not theirs:
        return {"window": window, "sentence": _NEEDS_TRACE}
    try:
        ours = trace_on_host(bundle, counts, window)
    except ToolMissingError:
        return {"window": window, "sentence": _NO_COMPILER}
    layout = Layout(_program(bundle), bundle.body.channels, slides(bundle))
    found = first_divergence(ours, theirs, layout, bundle.body.float_tolerance)
    if found is None:
        return {"window": window, "sentence": _EQUAL}
    return {"window": window, **found.document()}


def trace_on_host(bundle: Bundle, counts: NDArray[np.int16], window: int) -> Records:
    """The records of one window of the bundle's model. Raises as ``trace_window``."""
    pieces: list[Piece] = []

    def take(stage: str, first: int, values: bytes, value_bytes: int) -> None:
        pieces.append(Piece(stage, first, value_bytes, values))

    trace_window(bundle, counts, window, take)
    return join(iter(pieces), floats=bundle.body.scheme == "float32")


def _program(bundle: Bundle) -> Any:
    return lower(read_model(bundle.model()), carry=bundle.body.contract == "carry")
