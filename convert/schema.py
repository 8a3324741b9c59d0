"""What the manifests of a run and of a bundle hold, checked when they are read.

These two models are the promise between ``train`` (which writes a run), ``convert`` (which reads it and
writes a bundle) and ``firmware_bridge`` (which reads the bundle).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from myofin.artifacts import Manifest
from myofin.errors import ArtifactError
from myofin.quantization import Quantization

Positive = Annotated[int, Field(gt=0, le=1 << 20)]
Scheme = Literal["float32", "int8", "int16x8"]
SCHEMES: tuple[Scheme, ...] = ("float32", "int8", "int16x8")


def computes_features(network: Mapping[str, Any]) -> bool:
    """Whether the facts of a network from training say that arithmetic computes its features."""
    return network.get("features_by") == "arithmetic"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Split(_Frozen):
    """Repetitions by use; those under ``test`` chose nothing."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


class FeatureScaling(_Frozen):
    """How the FIN's targets were standardised: ``(value - mean) / std``, each in its domain.

    The domain follows from the name (``myofin.features``); ``log`` says where it is the natural logarithm.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    log: tuple[bool, ...]


class Signal(_Frozen):
    """The signal a network was made for, shared by runs and bundles."""

    rate_hz: Positive
    channels: Positive
    frames: Positive
    frame_samples: Positive
    dataset: str
    subject: str
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    split: Split
    frontend: dict[str, Any]

    @property
    def window_samples(self) -> int:
        """Samples of one window, per channel."""
        return self.frames * self.frame_samples

    @property
    def frame_codes(self) -> int:
        """Codes of one frame over all channels: the width of the network's input."""
        return self.frame_samples * self.channels


class RunBody(Signal):
    """Body of ``run.json``."""

    features: FeatureScaling
    model: dict[str, Any]
    state: Literal["reset", "carry"]
    metrics: dict[str, Any]

    @property
    def arithmetic(self) -> bool:
        """Whether integer arithmetic computes the features, which TFLM has no operator for."""
        return computes_features(self.model)


class TensorSpec(_Frozen):
    """One input or output of the network; ``scale`` is 1 and ``zero_point`` 0 for float tensors."""

    size: Positive
    dtype: Literal["int8", "int16", "float32"]
    scale: float
    zero_point: int

    def real(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """What values of this tensor, of any shape, stand for."""
        return Quantization(self.scale, self.zero_point).real(values)


class BundleBody(Signal):
    """Body of ``bundle.json``."""

    model_sha256: str
    scheme: Scheme
    input: TensorSpec
    outputs: dict[Literal["features", "logits"], TensorSpec]
    state: dict[str, Any]
    feature_scaling: FeatureScaling
    layers: tuple[dict[str, Any], ...]
    macs: int
    gate: dict[str, Any]
    oracle: dict[str, Any]
    float_tolerance: float
    windows: str | None = None  # what the golden windows are, where they are not of test repetitions

    network: dict[str, Any] = Field(default_factory=dict)  # facts from training; none of a foreign model

    @property
    def arithmetic(self) -> bool:
        """Whether integer arithmetic computes the features, which TFLM has no operator for."""
        return computes_features(self.network)

    @property
    def contract(self) -> str:
        """The state contract: ``reset`` or ``carry``."""
        return str(self.state["contract"])


Body = TypeVar("Body", bound=BaseModel)


def parse_body(manifest: Manifest, model: type[Body]) -> Body:
    """Check the body of a manifest.

    Raises:
        ArtifactError: A field is missing or has an impossible value.
    """
    try:
        return model.model_validate(manifest.body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"The manifest of {manifest.folder} has a bad field {field!r}: {first['msg']}.",
            hint=f"Make the {manifest.kind} again with this version of myofin.",
        ) from error
