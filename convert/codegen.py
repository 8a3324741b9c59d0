"""Generate the C engine of one model: ``myofin_model.h``, ``myofin_model.c`` and the runtime files they use.

The output is C99 without heap, without mutable statics and without libc beyond ``string.h`` (``math.h``
too for float32); all sizes are compile-time constants. The caller places the one state struct.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from myofin import __version__
from myofin.convert import codegen_text as c
from myofin.convert.codegen_input import check_code_scale
from myofin.convert.codegen_lower import lower
from myofin.convert.codegen_memory import (
    Place,
    members_of,
    plan_memory,
    relocated,
    singles,
    unions,
)
from myofin.convert.codegen_program import Program, Step, reads_codes
from myofin.convert.codegen_sequences import hops_of, is_sequence, slides, slots_of
from myofin.convert.codegen_step_text import VALUE_TYPE, StepText
from myofin.convert.codegen_steps import step_text
from myofin.convert.flatbuffer import read_model
from myofin.convert.plain_templates import plain_templates
from myofin.errors import ModelError
from myofin.frontend import FrontEnd
from myofin.passthrough import AnyFrontEnd, Passthrough, front_end_from_json

SCHEME_NUMBERS: Final = {"float32": 0, "int8": 1, "int16x8": 2}
STATE_CONTRACTS: Final = {"reset": 0, "carry": 1}
MAX_STATE_BUFFER: Final = 1 << 16
# The state of a sliding engine may be this large if nothing else is asked: three quarters of a usual 128 kB.
STATE_BUDGET_BYTES: Final = 96 * 1024


Engine = Literal["c", "tflm"]
_INCLUDED: Final = re.compile(r'^#include "(\w+\.h)"', re.MULTILINE)


@dataclass(frozen=True)
class _Facts:
    """What the templates need; the text of each step is made already."""

    program: Program
    frontend: AnyFrontEnd
    frame_samples: int
    state_contract: int
    sha256: str
    engine: Engine
    sliding: bool
    keep: bool  # every array in a place of its own
    hops: int  # that one step of the LSTMs takes; 0 where that differs or makes no difference
    ring_slots: int
    sequences: tuple[StepText, ...]  # the LSTMs that take the codes, or the features in integers
    fin: tuple[StepText, ...]  # what comes after them, up to the features and the last LSTM
    head: tuple[StepText, ...]

    @property
    def carry(self) -> bool:
        return self.state_contract == STATE_CONTRACTS["carry"]

    @property
    def passthrough(self) -> bool:
        """Whether there is no front end."""
        return isinstance(self.frontend, Passthrough)

    @property
    def fin_takes_codes(self) -> bool:
        """Whether a step after the first LSTMs reads the codes too."""
        return any(reads_codes(step) for step in self.program.fin if not is_sequence(step))

    @property
    def ordered(self) -> tuple[Step, ...]:
        """The steps in order of execution."""
        fin = sorted(self.program.fin, key=lambda step: not is_sequence(step))
        return (*fin, *self.program.head)

    @property
    def steps(self) -> tuple[StepText, ...]:
        return self.sequences + self.fin + self.head

    @property
    def state_headers(self) -> list[str]:
        """Headers of the types in the state struct that are not C's own."""
        return sorted({step.types for step in self.steps if step.types})

    @property
    def kernels(self) -> list[str]:
        found = {kernel for step in self.steps for kernel in step.kernels} | {"myofin_trace"}
        return sorted(found if self.passthrough else found | {"myofin_frontend"})


def generate_c(
    model: bytes,
    frontend: Mapping[str, Any],
    out_dir: Path,
    *,
    frame_samples: int,
    channels: int,
    state: str = "reset",
    sliding: bool | None = None,
    state_budget_bytes: int = STATE_BUDGET_BYTES,
    keep_intermediates: bool = False,
    engine: Engine = "c",
) -> list[Path]:
    """Write the C engine of a model and return the files.

    Args:
        model: Content of the ``.tflite`` file.
        frontend: What ``FrontEnd.to_json`` gave.
        out_dir: The folder for the C files (a bundle's ``c/``); made if absent.
        frame_samples: Samples of one channel in one frame.
        channels: Number of channels.
        state: State contract: the LSTMs start anew at each window (``reset``), or keep their state from one
            window to the next until ``myofin_init`` (``carry``), where a window is one step of the network.
        sliding: Whether ``myofin_push_frame`` computes what does not depend on where a window begins, once
            for all windows; None: where the model allows it and the state stays within the budget.
        state_budget_bytes: RAM that the state of a sliding engine may take by default.
        keep_intermediates: For debugging: every computed tensor stays in a member of its own, LSTM outputs
            of all steps included (``codegen_lower.intermediates`` says where).
        engine: ``tflm`` leaves the network to TFLM's interpreter: front end, window and the same header
            around it. It cannot slide or carry.

    Raises:
        ModelError: The model is malformed, or holds something that the engine does not support.
        ArtifactError: The front end does not keep its contract.
    """
    if state not in STATE_CONTRACTS or (engine == "tflm" and state != "reset"):
        raise ModelError(
            f"The engine {engine!r} does not serve the state contract {state!r}.",
            hint="Train and convert for 'reset' or 'carry'.",
        )
    graph, front = read_model(model), front_end_from_json(frontend)
    if isinstance(front, FrontEnd):
        check_code_scale(graph)
    program = lower(graph, carry=state == "carry", keep_intermediates=keep_intermediates)
    if front.channels != channels or program.frame_codes != frame_samples * channels:
        raise ModelError(
            f"The model takes {program.frame_codes} codes a frame; {channels} channels of {frame_samples} "
            f"samples and a front end of {front.channels} channels do not fit it.",
            hint="Convert the run that the front end belongs to.",
        )
    own = engine == "c"
    sliding = own and slides(program, sliding, state_budget_bytes)
    fin, head = (program.fin, program.head) if own else ((), ())
    sequences = [step for step in fin if is_sequence(step)]
    facts = _Facts(
        program=program,
        frontend=front,
        frame_samples=frame_samples,
        state_contract=STATE_CONTRACTS[state],
        sha256=hashlib.sha256(model).hexdigest(),
        engine=engine,
        sliding=sliding,
        keep=keep_intermediates,
        hops=max(map(hops_of, sequences), default=0),
        ring_slots=max(map(slots_of, sequences), default=0),
        sequences=_texts(program, sequences, sliding),
        fin=_texts(program, [step for step in fin if not is_sequence(step)], sliding),
        head=_texts(program, head, sliding),
    )
    return _write(facts, out_dir)


def _texts(program: Program, steps: Iterable[Step], sliding: bool) -> tuple[StepText, ...]:
    return tuple(step_text(step, program.scheme, sliding=sliding) for step in steps)


def _write(facts: _Facts, out_dir: Path) -> list[Path]:
    out_dir.mkdir(parents=True, exist_ok=True)
    places = _places(facts)
    texts = {"myofin_model.h": _render("myofin_model.h.j2", facts, places)}
    source = {"c": "myofin_model.c.j2", "tflm": "myofin_model_tflm.c.j2"}
    texts["myofin_model.c"] = relocated(_render(source[facts.engine], facts, places), places)
    runtime = resources.files("myofin.convert") / "runtime"
    wanted = [f"{kernel}{suffix}" for kernel in facts.kernels for suffix in (".h", ".c")]
    for name in wanted:
        if name not in texts and (runtime / name).is_file():
            texts[name] = (runtime / name).read_text(encoding="utf-8")
            wanted += _INCLUDED.findall(texts[name])  # also what only kernels need
    for name, text in texts.items():
        (out_dir / name).write_text(text, encoding="utf-8")
    return [out_dir / name for name in texts]


def _render(template: str, facts: _Facts, places: tuple[Place, ...]) -> str:
    program = facts.program
    return (
        plain_templates()
        .get_template(template)
        .render(
            facts=facts,
            program=program,
            version=__version__,
            scheme=SCHEME_NUMBERS[program.scheme],
            value=VALUE_TYPE[program.scheme],
            unions=unions(places),
            members=singles(places),
            sha256=c.wrap(f"0x{byte:02x}" for byte in bytes.fromhex(facts.sha256)),
            frontend=_frontend_constants(facts.frontend),
        )
    )


def _places(facts: _Facts) -> tuple[Place, ...]:
    """Where each array of the state lies."""
    if facts.engine == "tflm":
        return ()  # the arena holds them
    program = facts.program
    value = VALUE_TYPE[program.scheme]
    members = members_of(facts.ordered, facts.steps, len(program.fin), value, program.features)
    largest = max(member.length for member in members)
    if largest > MAX_STATE_BUFFER:
        raise ModelError(
            f"A layer needs a buffer of {largest} values, too many for a microcontroller.",
            hint="Use fewer units or channels.",
        )
    return tuple(Place((member,)) for member in members) if facts.keep else plan_memory(members)


def _frontend_constants(front: AnyFrontEnd) -> str:
    if isinstance(front, Passthrough):
        return ""
    fields = {
        "channels": f"{front.channels}u",
        "dc_shift": f"{front.dc_shift}u",
        "offsets": "FRONTEND_OFFSETS",
        "gains": "FRONTEND_GAINS",
        "limits": "FRONTEND_LIMITS",
        "table": "FRONTEND_TABLE",
    }
    return "\n".join(
        [
            c.array("FRONTEND_OFFSETS", front.offsets.astype(np.int16), "counts"),
            c.array("FRONTEND_GAINS", front.gains_q16, "table entries per count, times 2^16"),
            c.array("FRONTEND_LIMITS", front.limits, "counts"),
            c.array("FRONTEND_TABLE", front.table, "magnitude of the code"),
            c.struct("myofin_frontend_t", "FRONTEND", fields),
        ]
    )
