"""C text of each step of a program: its constants, its place in the state, and the code that runs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myofin.convert import codegen_conv_text as conv_text
from myofin.convert import codegen_frames_text as frames_text
from myofin.convert import codegen_lstm_text as lstm_text
from myofin.convert import codegen_lstm_text_s16 as lstm_text_s16
from myofin.convert import codegen_text as c
from myofin.convert import codegen_values_text as values_text
from myofin.convert.codegen_arithmetic import DenseWeights
from myofin.convert.codegen_features import FeaturesStep, features_text
from myofin.convert.codegen_layout import pack_table, pack_table_16
from myofin.convert.codegen_lstm_constants import constants as lstm_constants
from myofin.convert.codegen_picture import PictureStep, picture_text
from myofin.convert.codegen_program import (
    AddStep,
    DenseStep,
    EmbedStep,
    GatherStep,
    JoinStep,
    LstmStep,
    MeanStep,
    RescaleStep,
    Scheme,
    Step,
)
from myofin.convert.codegen_s16 import DenseWeights16
from myofin.convert.codegen_softmax import SoftmaxStep, softmax_text
from myofin.convert.codegen_step_text import SUFFIX, VALUE_TYPE, StepText, at
from myofin.convert.codegen_trace import input_traced, state_traced, traced


def step_text(step: Step, scheme: Scheme, *, sliding: bool = False) -> StepText:
    """The text of any step."""
    text = _text(step, scheme, sliding)
    stage = f"{step.name}.output" if isinstance(step, LstmStep) else step.name
    record = f"\n    {traced(stage, at(step.output), step.output.size)}"
    return replace(text, call=text.call + record, slide=text.slide and text.slide + record)


def _text(step: Step, scheme: Scheme, sliding: bool) -> StepText:
    if isinstance(step, LstmStep):
        return _float_lstm(step) if scheme == "float32" else _integer_lstm(step, scheme, sliding)
    if isinstance(step, FeaturesStep):
        return features_text(step, sliding=sliding)
    if isinstance(step, DenseStep):
        return _dense(step, scheme)
    if isinstance(step, AddStep):
        return _add(step, scheme)
    if isinstance(step, EmbedStep):
        return _embed(step, scheme)
    if isinstance(step, RescaleStep):
        return values_text.rescale_text(step, scheme)
    if isinstance(step, MeanStep):
        return values_text.mean_text(step, scheme)
    if isinstance(step, SoftmaxStep):
        return softmax_text(step, scheme)
    if isinstance(step, PictureStep):
        return picture_text(step)
    if isinstance(step, JoinStep):
        return values_text.join_text(step, scheme)
    assert isinstance(step, GatherStep)
    return values_text.gather_text(step)


def _integer_lstm(step: LstmStep, scheme: Scheme, sliding: bool) -> StepText:
    name = step.name
    text = lstm_text if scheme == "int8" else lstm_text_s16
    constants = lstm_constants if scheme == "int8" else lstm_text_s16.constants
    slides = sliding and step.source is None
    source = "codes" if step.source is None else at(step.source)
    hops = [frames_text.constants(step, SUFFIX[scheme])] if slides and step.frame.hops > 1 else []
    return StepText(
        constants="\n".join([constants(step), *_pool_constants(step, scheme), *hops]),
        members=text.members(step, sliding=slides),
        call=f"    {name}_window(state, {source});",
        kernels=text.kernels(step),
        functions=text.functions(step, sliding=slides),
        kept=lstm_text.kept(step),
        push=f"    {name}_push(state, codes, slot);" if slides else "",
        slide=f"    {name}_slide(state);" if slides else "",
    )


def _float_lstm(step: LstmStep) -> StepText:
    name, numbers, frame = step.name, step.numbers, step.frame
    upper, units = name.upper(), numbers.units
    states = step.batch if step.carry else 1
    members: list[tuple[str, str, int]] = [
        ("float", f"{name}_gates", 4 * units),
        ("float", f"{name}_h", states * units),
        ("float", f"{name}_cell", states * units),
    ]
    if not frame.plain:
        members.append(("float", f"{name}_x", frame.size))
    if frame.conv is not None:
        members += conv_text.float_members(name, frame)
    x = "frame" if frame.plain else f"state->{name}_x"
    offset = f" + (sequence * {units}u)" if states > 1 else ""
    start = [] if step.carry else [f"        myofin_lstm_f32_start(&{upper}, hidden, cell);"]
    copy = f"memcpy(output, hidden, {units}u * sizeof(output[0]));"
    rows = step.steps if step.whole else 1
    output = f"float *output = {at(step.output)} + (sequence * {rows * units}u);"
    call = "\n".join(
        [
            f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
            f"        float *hidden = state->{name}_h{offset};",
            f"        float *cell = state->{name}_cell{offset};",
            f"        {output}",
            *start,
            f"        for (uint32_t step = 0; step < {step.steps}u; step++) {{",
            f"            const {_frame_type(step)} *frame = {_frame_address(step)};",
            *(" " * 12 + line for line in lstm_text.embed_lines(step, "f32", f"state->{name}_x")),
            *([] if frame.plain else [f"            {traced(f'{name}.pooled', x, frame.size)}"]),
            f"            myofin_lstm_f32_input(&{upper}, {x}, state->{name}_gates);",
            f"            {input_traced(step, f'state->{name}_gates', 'f32')}",
            f"            myofin_lstm_f32_state(&{upper}, state->{name}_gates, hidden, cell);",
            *(f"            {line}" for line in state_traced(step, "hidden", "cell", "f32")),
            *([f"            {copy}", f"            output += {units}u;"] if step.whole else []),
            "        }",
            *([] if step.whole else [f"        {copy}"]),
            "    }",
        ]
    )
    kernels: tuple[str, ...] = ("myofin_lstm_f32",)
    kernels += conv_text.KERNELS["float32"] if frame.conv is not None else ()
    kernels += ("myofin_pool_f32",) if frame.table is not None else ()
    return StepText(_float_constants(step), tuple(members), call, kernels, kept=lstm_text.kept(step))


def _frame_type(step: LstmStep) -> str:
    return "int8_t" if step.source is None else "float"


def _frame_address(step: LstmStep) -> str:
    source = "codes" if step.source is None else at(step.source)
    first = lstm_text.sequence_address(step).replace("codes", source)
    return f"{first} + (step * {step.frame.step_stride}u)"


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


def _pool_constants(step: LstmStep | EmbedStep, scheme: Scheme) -> list[str]:
    frame, upper = step.frame, step.name.upper()
    if frame.conv is not None:
        if scheme == "float32":
            return [conv_text.float_constants(step.name, frame)]
        return [conv_text.constants(step.name, frame, SUFFIX[scheme])]
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
    elif scheme == "int16x8":
        table, order = pack_table_16(frame.table), "embedding of every code: [value / 2][code + 128][2]"
    return [
        c.array(f"{upper}_TABLE", table, order),
        c.struct(f"myofin_pool_{SUFFIX[scheme]}_t", f"{upper}_POOL", fields),
    ]


def _dense(step: DenseStep, scheme: Scheme) -> StepText:
    upper, layer = step.name.upper(), step.layer
    outputs, inputs = layer.weights.shape
    kernel = f"myofin_dense_{SUFFIX[scheme]}"
    bias_type = {"int8": np.int32, "int16x8": np.int64, "float32": np.float32}[scheme]
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
    elif isinstance(layer, DenseWeights16):
        parts.append(c.scale_array(f"{upper}_SCALES", layer.scales, "myofin_scale_once_t"))
        fields |= {"scales": f"{upper}_SCALES", "scale_stride": "1u" if len(layer.scales) > 1 else "0u"}
        kernels += ("myofin_fixed_s16", "myofin_fixed")
    dtype = "float32" if scheme == "float32" else "int32"
    fields |= {"low": c.number(layer.low, dtype), "high": c.number(layer.high, dtype)}
    parts.append(c.struct(f"{kernel}_t", upper, fields))
    call = f"    {kernel}(&{upper}, {step.rows}u, {at(step.source)}, {at(step.output)});"
    return StepText("\n".join(parts), (), call, kernels)


def _add(step: AddStep, scheme: Scheme) -> StepText:
    upper, suffix = step.name.upper(), SUFFIX[scheme]
    dtype = "float32" if scheme == "float32" else "int32"
    constants = c.array(f"{upper}_CONSTANTS", step.constants.astype(dtype))
    fields = {"count": f"{step.constants.size}u", "constants": f"{upper}_CONSTANTS"}
    if scheme != "float32":
        fields |= {"input_scale": c.scale(step.input_scale), "output_scale": c.scale(step.output_scale)}
    if scheme == "int8":
        fields |= {"input_zero_point": str(step.input_zero_point), "zero_point": str(step.zero_point)}
    fields |= {"low": c.number(step.low, dtype), "high": c.number(step.high, dtype)}
    text = constants + "\n" + c.struct(f"myofin_add_{suffix}_t", upper, fields)
    arguments = f"&{upper}, {step.rows}u, {at(step.source)}, {at(step.output)}"
    call = f"    myofin_add_{suffix}({arguments});"
    fixed = {"int8": ("myofin_fixed",), "int16x8": ("myofin_fixed_s16", "myofin_fixed"), "float32": ()}
    kernels = (f"myofin_dense_{suffix}", *fixed[scheme])
    return StepText(text, (), call, kernels)


def _embed(step: EmbedStep, scheme: Scheme) -> StepText:
    value, frame = VALUE_TYPE[scheme], step.frame
    lines = lstm_text.embed_lines(step, SUFFIX[scheme], "values")
    call = "\n".join(
        [
            f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
            f"        const int8_t *frame = {lstm_text.sequence_address(step)};",
            f"        {value} *values = {at(step.output)} + (sequence * {step.steps * frame.size}u);",
            f"        for (uint32_t step = 0; step < {step.steps}u; step++) {{",
            *(f"            {line}" for line in lines),
            f"            frame += {frame.step_stride}u;",
            f"            values += {frame.size}u;",
            "        }",
            "    }",
        ]
    )
    return StepText("\n".join(_pool_constants(step, scheme)), (), call, (f"myofin_pool_{SUFFIX[scheme]}",))
