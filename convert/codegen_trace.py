"""C text that tells of a computation while it goes on, in traced builds only (``myofin_trace.h``).

A stage has a name; each time its values are computed they make one record of that stage.
"""

from __future__ import annotations

from myofin.convert.codegen_program import LstmStep


def traced(stage: str, values: str, count: int) -> str:
    """The statement that makes a record of an array."""
    return f'MYOFIN_TRACED("{stage}", {values}, {count}u);'


def input_traced(step: LstmStep, gates: str, suffix: str) -> str:
    """The statement that makes a record of the input half of a step, in one order for all kernels."""
    if suffix == "s8":
        return f'MYOFIN_TRACED_GATES("{step.name}.input", {gates}, {step.numbers.units}u);'
    return traced(f"{step.name}.input", gates, 4 * step.numbers.units)


def state_traced(step: LstmStep, hidden: str, cell: str, suffix: str) -> list[str]:
    """Statements that make a record of a step's state: the cells, then the hidden values."""
    name, units = step.name, step.numbers.units
    if suffix != "s8":
        return [f'MYOFIN_TRACED_STATE("{name}.state", {cell}, {hidden}, {units}u);']
    # Kernels keep hidden values in orders of their own, and only they know how to write them out.
    return [
        "#ifdef MYOFIN_TRACE",
        f"    int8_t written[{units}];",
        f"    int16_t hidden[{units}];",
        f"    myofin_lstm_s8_output(&{name.upper()}, {hidden}, written);",
        f"    for (uint32_t i = 0; i < {units}u; i++) {{",
        "        hidden[i] = written[i];",
        "    }",
        f'    MYOFIN_TRACED_STATE("{name}.state", {cell}, hidden, {units}u);',
        "#endif",
    ]
