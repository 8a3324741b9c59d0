"""The state contract of a network in use: what starts anew at each window, and what goes on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myofin.convert.executors import Executor, Outputs
from myofin.passthrough import AnyFrontEnd
from myofin.progress import Progress, silent


def run_under(
    contract: str, executor: Executor, codes: NDArray[np.int8], progress: Progress = silent
) -> Outputs:
    """Outputs of windows of codes, int8 ``[w, frames, frame_codes]``.

    Under ``reset`` the state starts anew at each window; under ``carry`` only at the first one, and the
    windows are steps of one sequence.
    """
    return executor.run_without_reset(codes) if contract == "carry" else executor.run(codes, progress)


def encode_under(
    contract: str, front: AnyFrontEnd, counts: NDArray[np.int16], frames: int
) -> NDArray[np.int8]:
    """Codes ``[w, frames, frame_codes]`` of windows of counts, int16 ``[w, samples, channels]``.

    The front end starts anew where the network does.
    """
    if contract != "carry":
        return front.encode_windows(counts)
    windows, _, channels = counts.shape
    return front.encode(counts.reshape(-1, channels)).reshape(windows, frames, -1)
