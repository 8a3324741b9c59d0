"""Reading a bundle: everything that firmware and host need of one converted network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.artifacts import Manifest, read_manifest
from myofin.convert.schema import BundleBody, parse_body
from myofin.errors import ArtifactError
from myofin.passthrough import AnyFrontEnd, front_end_from_json

MODEL_FILE = "model.tflite"
FLOAT_MODEL_FILE = "reference_float32.tflite"
GOLDEN_FILE = "golden.npz"
ENGINE_FOLDER = "c"
TFLM_FOLDER = "tflm"


@dataclass(frozen=True)
class Golden:
    """Windows of test repetitions with what they must give; ``w`` windows.

    Attributes:
        counts: int16 ``[w, window_samples, channels]``, raw ADC counts.
        labels: int16 ``[w]``, movement labels of the data set.
        true_features: float64 ``[w, channels, features]``, closed form, natural domain, z-scored signal.
        codes: int8 ``[w, frames, frame_codes]``.
        features: int8, int16 or float32 ``[w, n]``, from the oracle; ``logits`` likewise.
        float_features: float32 ``[w, n]``, from the float model; ``float_logits`` likewise.
    """

    counts: NDArray[np.int16]
    labels: NDArray[np.int16]
    true_features: NDArray[np.float64]
    codes: NDArray[np.int8]
    features: NDArray[Any]
    logits: NDArray[Any]
    float_features: NDArray[np.float32]
    float_logits: NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Write the arrays to an ``.npz``."""
        np.savez_compressed(path, **vars(self))


@dataclass(frozen=True)
class Bundle:
    """A checked bundle folder."""

    manifest: Manifest
    body: BundleBody
    frontend: AnyFrontEnd

    @property
    def folder(self) -> Path:
        """The bundle's folder."""
        return self.manifest.folder

    @property
    def engine_folder(self) -> Path:
        """Folder of the generated C."""
        return self.folder / ENGINE_FOLDER

    def model(self) -> bytes:
        """The TFLite model that the board's engine was generated from."""
        return (self.folder / MODEL_FILE).read_bytes()

    def float_model(self) -> bytes | None:
        """The float32 TFLite model that quantization started from; None where the model came as it is."""
        path = self.folder / FLOAT_MODEL_FILE
        return path.read_bytes() if path.is_file() else None

    def golden(self) -> Golden:
        """The golden vectors.

        Raises:
            ArtifactError: The file lacks an array.
        """
        with np.load(self.folder / GOLDEN_FILE, allow_pickle=False) as arrays:
            try:
                return Golden(**{name: arrays[name] for name in Golden.__dataclass_fields__})
            except KeyError as error:
                raise ArtifactError(
                    f"{self.folder / GOLDEN_FILE} lacks an array ({error}).",
                    hint="Make the bundle again with `myofin convert`.",
                ) from error


def read_bundle(folder: Path) -> Bundle:
    """Read and check a bundle folder.

    Raises:
        ArtifactError: The folder is no bundle, or a file in it was changed.
    """
    manifest = read_manifest(folder, "bundle")
    body = parse_body(manifest, BundleBody)
    return Bundle(manifest=manifest, body=body, frontend=front_end_from_json(body.frontend))
