"""Features in integers as a step of a program, and its C text: sums that frames enter and leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert import codegen_text as c
from myofin.convert.codegen_program import Buffer, OnBuffer
from myofin.convert.codegen_step_text import StepText, at
from myofin.convert.codegen_views import BufferSource, CodesSource, View
from myofin.convert.features_op import tables_of
from myofin.convert.graph import Graph, Operator, refuse
from myofin.integer_tables import INTEGER_FEATURES, IntegerTables

KERNEL: Final = "myofin_features_s8"
LEVEL_SUMS: Final = "myofin_level_sums_t"
SLOPE_SUMS: Final = "myofin_slope_sums_t"
_OF_SLOPES: Final = frozenset({"wl", "rms_d1", "rms_d2", "rms_lag2"})


@dataclass(frozen=True, eq=False)
class FeaturesStep(OnBuffer):
    """Features of all channels, ``[channels, features]``, of the codes of the window."""

    tables: IntegerTables

    @property
    def has_slopes(self) -> bool:
        """Whether a feature is of neighbouring samples."""
        return bool(_OF_SLOPES & set(self.tables.names))


def lower_features(graph: Graph, operator: Operator, x: View, name: str) -> tuple[FeaturesStep, View]:
    """The step of a features operator, and the view of its output.

    Raises:
        ModelError: It does not take the codes as they come, is not int8, or its tables are damaged.
    """
    elements = x.elements.reshape(-1)
    if not isinstance(x.source, CodesSource) or not np.array_equal(elements, np.arange(elements.size)):
        raise refuse(operator, "takes something else than the codes of the window", "Convert the run again")
    if graph.output(operator).dtype != "int8":
        raise refuse(operator, "computes int8 only", "Convert with --scheme int8")
    tables = tables_of(graph, operator)
    codes = Buffer("codes", elements.size, in_state=False)
    output = Buffer(f"{name}_out", tables.size)
    step = FeaturesStep(name, codes, output, tables)
    shape = graph.output(operator).shape
    return step, View(BufferSource(output), np.arange(output.size).reshape(shape))


def members(step: FeaturesStep, *, sliding: bool) -> tuple[tuple[str, str, int], ...]:
    """What a sliding engine keeps: sums over the window, and the softmax of each of its frames."""
    if not sliding:
        return ()
    tables, name = step.tables, step.name
    ring = tables.frames * tables.channels
    found = [(LEVEL_SUMS, f"{name}_levels", tables.channels)]
    found += [(SLOPE_SUMS, f"{name}_slopes", tables.channels)] if step.has_slopes else []
    found += [("uint32_t", f"{name}_weights", ring), ("uint32_t", f"{name}_moments", ring)]
    return (*found, ("int16_t", f"{name}_exponents", ring + ring % 2))


def features_text(step: FeaturesStep, *, sliding: bool) -> StepText:
    """The text of the step."""
    name, upper, output = step.name, step.name.upper(), at(step.output)
    held = members(step, sliding=sliding)
    return StepText(
        constants=_constants(step),
        members=held,
        call=f"    {KERNEL}_window(&{upper}, codes, {output});",
        kernels=(KERNEL,),
        functions=_functions(step) if sliding else "",
        kept=frozenset(member[1] for member in held),
        push=f"    {name}_enter(state, codes, slot);" if sliding else "",
        slide=f"    {name}_held(state);" if sliding else "",
        types=f"{KERNEL}.h" if sliding else "",
        leave=f"        {name}_leave(state, codes);" if sliding else "",
    )


def _constants(step: FeaturesStep) -> str:
    tables, upper = step.tables, step.name.upper()
    names = ", ".join(INTEGER_FEATURES[number] for number in tables.numbers)
    arrays: dict[str, tuple[NDArray[Any], str]] = {
        "numbers": (tables.numbers, names),
        "floors": (tables.floors, "least values"),
        "multipliers": (tables.multipliers, ""),
        "offsets": (tables.offsets, ""),
        "levels": (tables.levels, "[code + 128], standard deviations times 4096"),
        "exponents": (tables.exponents.astype(np.int16), "[code + 128]"),
        "mantissas": (tables.mantissas.astype(np.uint32), "[code + 128]"),
        "moments": (tables.moments.astype(np.uint32), "[code + 128]"),
        "logs": (tables.logs.astype(np.int16), "[code + 128]"),
    }
    if "ld" not in tables.names:
        del arrays["logs"]
    fields = {
        "channels": f"{tables.channels}u",
        "frame_samples": f"{tables.frame_samples}u",
        "frames": f"{tables.frames}u",
        "count": f"{len(tables.numbers)}u",
        **{field: f"{upper}_{field.upper()}" for field in arrays},
        "has_slopes": "1u" if step.has_slopes else "0u",
        "weight_bits": f"{tables.weight_bits}u",
    }
    parts = [c.array(f"{upper}_{field.upper()}", *values) for field, values in arrays.items()]
    return "\n".join([*parts, c.struct(f"{KERNEL}_t", upper, fields)])


def _functions(step: FeaturesStep) -> str:
    name, upper, tables = step.name, step.name.upper(), step.tables
    slopes = f"state->{name}_slopes" if step.has_slopes else "NULL"
    samples, frames = tables.frame_samples, tables.frames
    places = [divmod(-back, samples) for back in (1, 2)]
    before = [(frames + hop, sample) for hop, sample in places]
    after = [(1 + place // samples, place % samples) for place in (0, 1)]
    ring = ", ".join(f"state->{name}_{part}" for part in ("exponents", "weights", "moments"))
    return "\n".join(
        [
            "/* Adds the newest frame, which lies in `codes`. */",
            f"static void {name}_enter(myofin_state_t *state, const int8_t *codes, uint32_t place)",
            "{",
            "    const uint32_t slot = state->oldest_codes;",
            f"    const uint32_t held = state->frames_held * {samples}u; /* samples */",
            "    const int8_t *before[2] = {",
            *(f"        (held > {i}u) ? ({_row(tables, *row)}) : NULL," for i, row in enumerate(before)),
            "    };",
            f"    const myofin_peaks_t ring = {{{ring}}};",
            f"    {KERNEL}_enter(&{upper}, codes, before, state->{name}_levels, {slopes});",
            f"    {KERNEL}_peaks(&{upper}, codes, place, &ring);",
            "}",
            "",
            "/* Takes the oldest frame away before another takes its place. */",
            f"static void {name}_leave(myofin_state_t *state, const int8_t *codes)",
            "{",
            "    const uint32_t slot = state->oldest_codes;",
            "    const int8_t *after[2] = {",
            *(f"        {_row(tables, *row)}," for row in after),
            "    };",
            f"    {KERNEL}_leave(&{upper}, codes, after, state->{name}_levels, {slopes});",
            "}",
            "",
            f"static void {name}_held(myofin_state_t *state)",
            "{",
            f"    const myofin_peaks_t ring = {{{ring}}};",
            f"    {KERNEL}_held(&{upper}, state->{name}_levels, {slopes}, &ring, {at(step.output)});",
            "}",
            "",
        ]
    )


def _row(tables: IntegerTables, hops: int, sample: int) -> str:
    """A row of samples of the frame that is so many hops after the oldest one's slot."""
    frame = f"state->window + (advanced(slot, {hops}u, MYOFIN_FRAMES) * MYOFIN_FRAME_CODES)"
    return f"{frame} + {sample * tables.channels}u"
