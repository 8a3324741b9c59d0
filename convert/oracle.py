"""Which host executor says what a bundle must output."""

from __future__ import annotations

from myofin.convert.bundle import Bundle
from myofin.convert.codegen_lower import lower
from myofin.convert.executors import Executor, HostEngineExecutor, TflmExecutor
from myofin.convert.flatbuffer import read_model
from myofin.errors import ToolMissingError


def bundle_oracle(bundle: Bundle) -> Executor:
    """TFLM's reference kernels; without a wheel of TFLM, the bundle's C engine compiled for this machine.

    TFLM follows the offsets of a file unchecked, in our own process. A manifest says that a model was not
    changed by accident, not who made it, so only a model that the generator accepts gets there.

    The second is an oracle only because ``convert`` compared it with TFLM where both were there, so reports
    name which one was used.

    Raises:
        ModelError: The model is malformed, or none that the C engine could have been generated from.
        ToolMissingError: Neither can run here; the error of TFLM is raised.
    """
    model = bundle.model()
    lower(read_model(model))
    try:
        return TflmExecutor(model)
    except ToolMissingError as missing:
        try:
            return HostEngineExecutor(bundle.engine_folder)
        except ToolMissingError:
            raise missing from None
