"""Reading a run: what training left, as conversion needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from myofin.artifacts import Manifest, read_manifest
from myofin.convert.schema import RunBody, parse_body
from myofin.errors import ArtifactError
from myofin.frontend import FrontEnd


@dataclass(frozen=True)
class Run:
    """A checked run folder.

    Attributes:
        calibration: int8 ``[n, frames, frame_codes]``, codes of training repetitions.
        test_counts: int16 ``[w, window_samples, channels]``, raw counts of test repetitions.
        test_labels: int16 ``[w]``, movement labels of the data set.
        test_features: float64 ``[w, channels, features]``, closed form, natural domain.
    """

    manifest: Manifest
    body: RunBody
    frontend: FrontEnd
    calibration: NDArray[np.int8]
    test_counts: NDArray[np.int16]
    test_labels: NDArray[np.int16]
    test_features: NDArray[np.float64]


def read_run(folder: Path) -> Run:
    """Read and check a run folder.

    Raises:
        ArtifactError: The folder is no run, or lacks an array.
    """
    manifest = read_manifest(folder, "run")
    body = parse_body(manifest, RunBody)
    try:
        with np.load(folder / "calibration.npz", allow_pickle=False) as arrays:
            calibration = arrays["codes"]
        with np.load(folder / "test_windows.npz", allow_pickle=False) as arrays:
            counts, labels, features = arrays["counts"], arrays["labels"], arrays["features"]
    except (OSError, KeyError) as error:
        raise ArtifactError(
            f"The run {folder} lacks calibration or test windows ({error}).",
            hint="Make it again with `myofin train`.",
        ) from error
    return Run(manifest, body, FrontEnd.from_json(body.frontend), calibration, counts, labels, features)
