"""Loading TensorFlow: only where training needs it, quietly, and with a sentence when it is missing."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from typing import Any

from myofin.errors import ToolMissingError

INSTALL_LINE = 'pip install "myofin[train]"'


def load_tensorflow(*, gpu: bool = False) -> tuple[Any, Any]:
    """Import TensorFlow and tf_keras (Keras 2: Keras 3 does not fuse the LSTM) and return both modules.

    Only the processor computes, so that weights repeat everywhere, unless the first caller asks for a GPU.

    Raises:
        ToolMissingError: One of them is not installed.
    """
    # Read by TensorFlow while it is imported; an answer the user already gave stands.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
    if not gpu:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        with _StderrOfImports(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tensorflow = importlib.import_module("tensorflow")
            keras = importlib.import_module("tf_keras")
    except ImportError as error:
        raise ToolMissingError(
            f"Training needs TensorFlow and tf_keras, which cannot be imported ({error}).",
            hint=f"Install them with `{INSTALL_LINE}`.",
        ) from error
    tensorflow.get_logger().setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    return tensorflow, keras


class _StderrOfImports:
    """Keep what native libraries write to file descriptor 2 while they load away from the terminal.

    abseil's start-up lines come before any log level of TensorFlow's is read.
    """

    def __enter__(self) -> None:
        self._saved = os.dup(2)
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        os.close(sink)

    def __exit__(self, *error: object) -> None:
        os.dup2(self._saved, 2)
        os.close(self._saved)


def make_deterministic(seed: int) -> None:
    """Seed every generator, and let TensorFlow use only operators that repeat to the last bit."""
    tensorflow, keras = load_tensorflow()
    keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()
