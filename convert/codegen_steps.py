"""C text of each step of a program: its constants, its place in the state, and the code that runs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myofin.convert import codegen_frames_text as frames_text
from myofin.convert import codegen_lstm_text as lstm_text
from myofin.convert import codegen_text as c
from myofin.convert.codegen_arithmetic import DenseWeights
from myofin.convert.codegen_layout import pack_table
from myofin.convert.codegen_program import AddStep, DenseStep, GatherStep, LstmStep, Scheme, Step

SUFFIX = {"int8": "s8", "float32": "f32"}
VALUE_TYPE = {"int8": "int8_t", "float32": "float"}


@dataclass(frozen=True)
class StepText:
    """Text of one step.

    Attributes:
        constants: Definitions at file scope.
        members: ``(type, name, length)`` of scratch in the state struct, besides the step's output.
        call: Statements inside a function with ``state`` and ``codes``, or only ``state`` in the head.
        kernels: Runtime files that it needs, without extension.
        functions: Static functions that the calls need.
        push: Statements for a new frame in ``codes``, for ``slot`` of the rings (sliding only).
        slide: What replaces ``call`` for the window that the rings hold (sliding only).
    """

    constants: str
    members: tuple[tuple[str, str, int], ...]
    call: str
    kernels: tuple[str, ...]
    functions: str = ""
    push: str = ""
    slide: str = ""


def step_text(step: Step, scheme: Scheme, *, sliding: bool = False) -> StepText:
    """The text of any step."""
    if isinstance(step, LstmStep):
        return _integer_lstm(step, sliding) if scheme == "int8" else _float_lstm(step)
    if isinstance(step, DenseStep):
        return _dense(step, scheme)
    if isinstance(step, AddStep):
        return _add(step, scheme)
    return _gather(step)


def _integer_lstm(step: LstmStep, sliding: bool) -> StepText:
    name = step.name
    hops = [frames_text.constants(step)] if sliding and step.frame.hops > 1 else []
    return StepText(
        constants="\n".join([lstm_text.constants(step), *_pool_constants(step, "int8"), *hops]),
        members=lstm_text.members(step, sliding=sliding),
        call=f"    {name}_window(state, codes);",
        kernels=lstm_text.kernels(step),
        functions=lstm_text.functions(step, sliding=sliding),
        push=f"    {name}_push(state, codes, slot);",
        slide=f"    {name}_slide(state);",
    )


def _float_lstm(step: LstmStep) -> StepText:
    name, numbers, frame = step.name, step.numbers, step.frame
    upper = name.upper()
    members: list[tuple[str, str, int]] = [
        ("float", f"{name}_gates", 4 * numbers.units),
        ("float", f"{name}_cell", numbers.units),
    ]
    if frame.table is not None:
        members.append(("float", f"{name}_x", frame.size))
    x = "frame" if frame.table is None else f"state->{name}_x"
    call = "\n".join(
        [
            f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
            f"        float *hidden = state->{name}_hidden + (sequence * {numbers.units}u);",
            f"        myofin_lstm_f32_start(&{upper}, hidden, state->{name}_cell);",
            f"        for (uint32_t step = 0; step < {step.steps}u; step++) {{",
            f"            const int8_t *frame = {_frame_address(step)};",
            *(" " * 12 + line for line in lstm_text.embed_lines(step, "f32", f"state->{name}_x")),
            f"            myofin_lstm_f32_input(&{upper}, {x}, state->{name}_gates);",
            f"            myofin_lstm_f32_state(&{upper}, state->{name}_gates, hidden, state->{name}_cell);",
            "        }",
            "    }",
        ]
    )
    kernels = ("myofin_lstm_f32",) + (("myofin_pool_f32",) if frame.table is not None else ())
    return StepText(_float_constants(step), tuple(members), call, kernels)


def _frame_address(step: LstmStep) -> str:
    frame = step.frame
    terms = ["codes"]
    terms += [f"{frame.offset}u"] if frame.offset else []
    terms += [f"(sequence * {frame.batch_stride}u)"] if step.batch > 1 else []
    return " + ".join([*terms, f"(step * {frame.step_stride}u)"])


def _float_constants(step: LstmStep) -> str:
    upper, numbers, frame = step.name.upper(), step.numbers, step.frame
    fields = {
        "inputs": f"{frame.size}u",
        "units": f"{numbers.units}u",
        "input_weights": f"{upper}_WEIGHTS",
        "recurrent_weights": f"{upper}_RECURRENT",
        "input_bias": f"{upper}_BIAS",
        "cell_clip": c.number(numbers.cell_clip, "float32"),
    }
    parts = [
        c.array(f"{upper}_WEIGHTS", numbers.input_weights, "[gate][unit][input]; gates: i, f, c, o"),
        c.array(f"{upper}_RECURRENT", numbers.recurrent_weights, "[gate][unit][unit]"),
        c.array(f"{upper}_BIAS", numbers.input_bias.astype(np.float32)),
        c.struct("myofin_lstm_f32_t", upper, fields),
    ]
    return "\n".join([*parts, *_pool_constants(step, "float32")])


def _pool_constants(step: LstmStep, scheme: Scheme) -> list[str]:
    frame, upper = step.frame, step.name.upper()
    if frame.table is None:
        return []
    single = not frame.modes
    fields = {
        "width": f"{frame.width}u",
        "table": f"{upper}_TABLE",
        "count": f"{frame.groups if single else frame.samples}u",
        "stride": f"{frame.group_stride if single else frame.sample_stride}u",
    }
    table, order = np.ascontiguousarray(frame.table.T), "embedding of every code: [value][code + 128]"
    if scheme == "int8":
        table, order = pack_table(frame.table), "embedding of every code: [value / 4][code + 128][4]"
    return [
        c.array(f"{upper}_TABLE", table, order),
        c.struct(f"myofin_pool_{SUFFIX[scheme]}_t", f"{upper}_POOL", fields),
    ]


def _dense(step: DenseStep, scheme: Scheme) -> StepText:
    upper, layer = step.name.upper(), step.layer
    outputs, inputs = layer.weights.shape
    kernel = f"myofin_dense_{SUFFIX[scheme]}"
    bias_type = np.int32 if scheme == "int8" else np.float32
    parts = [
        c.array(f"{upper}_WEIGHTS", layer.weights, "[output][input]"),
        c.array(f"{upper}_BIAS", layer.bias.astype(bias_type)),
    ]
    fields = {
        "inputs": f"{inputs}u",
        "outputs": f"{outputs}u",
        "weights": f"{upper}_WEIGHTS",
        "bias": f"{upper}_BIAS",
    }
    kernels: tuple[str, ...] = (kernel,)
    if isinstance(layer, DenseWeights):
        parts.append(c.scale_array(f"{upper}_SCALES", layer.scales))
        fields |= {
            "scales": f"{upper}_SCALES",
            "scale_stride": "1u" if len(layer.scales) > 1 else "0u",
            "zero_point": str(layer.zero_point),
        }
        kernels += ("myofin_fixed",)
    dtype = "int32" if scheme == "int8" else "float32"
    fields |= {"low": c.number(layer.low, dtype), "high": c.number(layer.high, dtype)}
    parts.append(c.struct(f"{kernel}_t", upper, fields))
    call = f"    {kernel}(&{upper}, {step.rows}u, state->{step.source.name}, state->{step.output.name});"
    return StepText("\n".join(parts), (), call, kernels)


def _add(step: AddStep, scheme: Scheme) -> StepText:
    upper, suffix = step.name.upper(), SUFFIX[scheme]
    dtype = "int32" if scheme == "int8" else "float32"
    constants = c.array(f"{upper}_CONSTANTS", step.constants.astype(dtype))
    fields = {"count": f"{step.constants.size}u", "constants": f"{upper}_CONSTANTS"}
    if scheme == "int8":
        fields |= {
            "input_zero_point": str(step.input_zero_point),
            "input_scale": c.scale(step.input_scale),
            "output_scale": c.scale(step.output_scale),
            "zero_point": str(step.zero_point),
        }
    fields |= {"low": c.number(step.low, dtype), "high": c.number(step.high, dtype)}
    text = constants + "\n" + c.struct(f"myofin_add_{suffix}_t", upper, fields)
    arguments = f"&{upper}, {step.rows}u, state->{step.source.name}, state->{step.output.name}"
    call = f"    myofin_add_{suffix}({arguments});"
    kernels = (f"myofin_dense_{suffix}",) + (("myofin_fixed",) if scheme == "int8" else ())
    return StepText(text, (), call, kernels)


def _gather(step: GatherStep) -> StepText:
    upper = step.name.upper()
    text = c.array(f"{upper}_INDICES", step.indices.astype(np.uint16), f"places in {step.source.name}")
    call = "\n".join(
        [
            f"    for (uint32_t i = 0; i < {len(step.indices)}u; i++) {{",
            f"        state->{step.output.name}[i] = state->{step.source.name}[{upper}_INDICES[i]];",
            "    }",
        ]
    )
    return StepText(text, (), call, ())
