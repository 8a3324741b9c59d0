"""What takes the codes frame by frame (LSTMs, features in integers), and whether the engine slides."""

from __future__ import annotations

from myofin.convert import codegen_lstm_text as lstm_text
from myofin.convert import codegen_lstm_text_s16 as lstm_text_s16
from myofin.convert.codegen_features import FeaturesStep, members
from myofin.convert.codegen_lstm_text import ring_slots
from myofin.convert.codegen_memory import TYPE_BYTES
from myofin.convert.codegen_program import LstmStep, Program, Scheme, Step, reads_codes
from myofin.errors import ModelError


def is_sequence(step: Step) -> bool:
    """Whether the step takes the codes frame by frame."""
    return isinstance(step, FeaturesStep) or (isinstance(step, LstmStep) and step.source is None)


def hops_of(step: Step) -> int:
    """Hops that one step of a sequence takes; 0 where that makes no difference."""
    return step.frame.hops if isinstance(step, LstmStep) else 1


def slots_of(step: Step) -> int:
    """Slots of the rings of a sequence."""
    if isinstance(step, FeaturesStep):
        return step.tables.frames
    return ring_slots(step) if isinstance(step, LstmStep) else 0


def lstm_members(step: LstmStep, scheme: Scheme, *, sliding: bool) -> tuple[tuple[str, str, int], ...]:
    """Scratch of an integer LSTM in the state: ``(type, name, length)``."""
    text = lstm_text if scheme == "int8" else lstm_text_s16
    found: tuple[tuple[str, str, int], ...] = text.members(step, sliding=sliding)
    return found


def slides(program: Program, asked: bool | None, budget_bytes: int) -> bool:
    """Whether the engine computes what does not depend on where a window begins once for all windows.

    Args:
        program: The network.
        asked: What the caller wants; None: wherever it is possible within the budget.
        budget_bytes: RAM for the window and what is kept.

    Raises:
        ModelError: It is wanted and not possible.
    """
    readers = [step for step in program.fin if reads_codes(step)]
    possible = (
        bool(readers)
        and all(is_sequence(step) and _can_slide(step, program) for step in readers)
        and len({hops_of(step) for step in readers}) == 1
    )
    if asked and not possible:
        raise ModelError(
            "The engine cannot slide: the model is float32, keeps its state, or takes codes in other steps "
            "than those of an LSTM with whole hops.",
            hint="Generate it without sliding, or train with whole hops a step and convert to int8.",
        )
    if asked is not None or not possible:
        return bool(asked)
    held = sum(
        TYPE_BYTES[kind] * length
        for step in readers
        for kind, _, length in _kept_members(step, program.scheme)
    )
    return program.frames * program.frame_codes + held <= budget_bytes


def _can_slide(step: Step, program: Program) -> bool:
    if isinstance(step, FeaturesStep):
        return step.tables.frames == program.frames
    # float32 has no kernel for it.
    return isinstance(step, LstmStep) and program.scheme != "float32" and lstm_text.can_slide(step, program)


def _kept_members(step: Step, scheme: Scheme) -> tuple[tuple[str, str, int], ...]:
    if isinstance(step, FeaturesStep):
        return members(step, sliding=True)
    assert isinstance(step, LstmStep)
    return lstm_members(step, scheme, sliding=True)
