"""Which host executor says what a bundle must output."""

from __future__ import annotations

from myofin.convert.bundle import Bundle
from myofin.convert.executors import Executor, HostEngineExecutor, TflmExecutor
from myofin.errors import ToolMissingError


def bundle_oracle(bundle: Bundle) -> Executor:
    """TFLM's reference kernels; without a wheel of TFLM, the bundle's C engine compiled for this machine.

    The second is an oracle only because ``convert`` compared it with TFLM where both were there, so reports
    name which one was used.

    Raises:
        ToolMissingError: Neither can run here; the error of TFLM is raised.
    """
    try:
        return TflmExecutor(bundle.model())
    except ToolMissingError as missing:
        try:
            return HostEngineExecutor(bundle.engine_folder)
        except ToolMissingError:
            raise missing from None
