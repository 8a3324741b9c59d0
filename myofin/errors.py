"""The errors users see: one sentence of what went wrong, one of how to mend it, and an exit code.

Exit codes of every verb: 0 done and passed; 1 ran, and a check did not hold; 2 bad usage or bad input;
3 board or link fault; 4 a tool is missing. Ctrl-C ends with 130, as shells expect.
"""

from __future__ import annotations

EXIT_CHECK_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_BOARD_FAULT = 3
EXIT_TOOL_MISSING = 4
EXIT_INTERRUPTED = 130


class MyofinError(Exception):
    """Base of every error that myofin raises on purpose.

    ``message`` says what happened in one sentence, ``hint`` how to mend it in one sentence.
    """

    exit_code = EXIT_CHECK_FAILED

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(MyofinError):
    """A path, option, recording or file that cannot be used as given."""

    exit_code = EXIT_BAD_INPUT


class RecordingError(InputError):
    """A recording is missing, truncated, or holds a signal that cannot be trained or validated on."""


class ArtifactError(InputError):
    """A run, bundle or image folder is missing, damaged, or of another kind or schema than needed."""


class ModelError(InputError):
    """A ``.tflite`` file is malformed, or holds an operator or type that is not supported."""


class CheckError(MyofinError):
    """The step ran, and a check of its result did not hold (conversion gate, threshold, mismatch)."""

    exit_code = EXIT_CHECK_FAILED


class BoardError(MyofinError):
    """The board or its emulator did not start, answered with an error, or runs another model."""

    exit_code = EXIT_BOARD_FAULT


class LinkError(BoardError):
    """The byte channel to the board failed: no port, no answer in time, or unreadable frames."""


class ToolMissingError(MyofinError):
    """A program or Python package that the verb needs is not installed; the hint is the install line."""

    exit_code = EXIT_TOOL_MISSING
