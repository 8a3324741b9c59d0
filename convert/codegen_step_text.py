"""What the text of one step of a program is, in the names that all texts share."""

from __future__ import annotations

from dataclasses import dataclass

from myofin.convert.codegen_program import Buffer

SUFFIX = {"int8": "s8", "int16x8": "s16", "float32": "f32"}
VALUE_TYPE = {"int8": "int8_t", "int16x8": "int16_t", "float32": "float"}


@dataclass(frozen=True)
class StepText:
    """Text of one step.

    Attributes:
        constants: Definitions at file scope.
        members: ``(type, name, length)`` of scratch in the state struct, besides the step's output.
        call: Statements inside a function with ``state``, and with ``codes`` where the step reads them. A
            buffer is written ``state->NAME``.
        kernels: Runtime files that it needs, without extension.
        functions: Static functions that the calls need.
        kept: Names of the members that must keep their values from one call to the next.
        push: Statements for a new frame in ``codes``, for ``slot`` of the rings (sliding only).
        types: Header of those types of the members that C does not have.
        leave: Statements before the oldest frame, in ``codes``, is overwritten (sliding only).
        slide: What replaces ``call`` for the window that the rings hold (sliding only).
    """

    constants: str
    members: tuple[tuple[str, str, int], ...]
    call: str
    kernels: tuple[str, ...]
    functions: str = ""
    kept: frozenset[str] = frozenset()
    push: str = ""
    slide: str = ""
    leave: str = ""
    types: str = ""


def at(buffer: Buffer) -> str:
    """How C refers to a buffer: as a member of the state, or as the parameter ``codes``."""
    return f"state->{buffer.name}" if buffer.in_state else buffer.name
