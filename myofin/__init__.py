"""myofin: from surface-EMG recordings to a verified LSTM on a microcontroller.

This package is the spine (errors, artifacts, recordings, the signal contract, the command line); the
sub-packages ``train``, ``convert``, ``firmware_bridge`` and ``boards`` live in the folders of those names.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("myofin")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
