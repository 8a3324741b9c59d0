"""C text of the int16x8 LSTM: one step after the other, over a whole window or over frames kept in a ring."""

from __future__ import annotations

from myofin.convert import codegen_conv_text as conv_text
from myofin.convert import codegen_frames_text as frames_text
from myofin.convert import codegen_text as c
from myofin.convert.codegen_layout import pack_gates, padded_columns
from myofin.convert.codegen_lstm_text import (
    Member,
    embed_lines,
    ring_place,
    ring_values,
    sequence_address,
    sequences,
    slide_function,
    step_call,
    step_function,
)
from myofin.convert.codegen_program import LstmStep
from myofin.convert.codegen_trace import traced

SUFFIX = "s16"
_KERNELS = ("myofin_lstm_s16", "myofin_dot_s16", "myofin_activations_s16", "myofin_fixed_s16", "myofin_fixed")


def kernels(step: LstmStep) -> tuple[str, ...]:
    """Runtime files that the step needs, without extension."""
    if step.frame.conv is not None:
        return _KERNELS + conv_text.KERNELS["int16x8"]
    return _KERNELS + (("myofin_pool_s16",) if step.frame.table is not None else ())


def members(step: LstmStep, *, sliding: bool) -> tuple[Member, ...]:
    """Scratch in the state; int16 arrays have even lengths, so that each begins at a word."""
    name, units = step.name, step.numbers.units
    states = step.batch if step.carry else 1  # without carry, sequences use the same one after the other
    found: list[Member] = [
        ("int16_t", f"{name}_x", padded_columns(step.frame.size)),
        ("int16_t", f"{name}_gates", 4 * units),
        ("int16_t", f"{name}_sums", 4 * units),
        ("int16_t", f"{name}_h", states * padded_columns(units)),
        ("int16_t", f"{name}_cell", states * (units + units % 2)),
    ]
    if sliding:
        found.append(("int16_t", f"{name}_ring", ring_values(step)))
        found += frames_text.members(step, SUFFIX) if step.frame.hops > 1 else []
    if step.frame.conv is not None:
        found += conv_text.members(name, step.frame, SUFFIX)
    return tuple(found)


def constants(step: LstmStep) -> str:
    """Weights, biases and the struct of constants."""
    upper, numbers = step.name.upper(), step.numbers
    order = "[unit][4 columns][pair of gates][column]: 256 * second gate + first gate"
    fields = {
        "units": f"{numbers.units}u",
        "input_blocks": f"{padded_columns(step.frame.size) // 16}u",
        "unit_blocks": f"{padded_columns(numbers.units) // 16}u",
        "input_weights": f"{upper}_WEIGHTS",
        "recurrent_weights": f"{upper}_RECURRENT",
        "input_bias": f"{upper}_BIAS",
        "input_scales": c.scales(numbers.input_scales),
        "recurrent_scales": c.scales(numbers.recurrent_scales),
        "forget_scale": c.scale(numbers.forget_scale),
        "update_scale": c.scale(numbers.update_scale),
        "hidden_scale": c.scale(numbers.hidden_scale),
        "cell_tanh": f"{{{numbers.tanh_factor}, {numbers.tanh_shift}}}",
        "cell_clip": str(int(numbers.cell_clip)),
    }
    return "\n".join(
        [
            c.array(f"{upper}_WEIGHTS", pack_gates(numbers.input_weights, extracted_order=False), order),
            c.array(
                f"{upper}_RECURRENT", pack_gates(numbers.recurrent_weights, extracted_order=False), order
            ),
            c.array(f"{upper}_BIAS", numbers.input_bias.T.astype("int32"), "[unit][gate]"),
            c.struct("myofin_lstm_s16_t", upper, fields),
        ]
    )


def functions(step: LstmStep, *, sliding: bool) -> str:
    """Static functions: ``NAME_window(state, codes)``, and for sliding ``NAME_push`` and ``NAME_slide``."""
    parts = [_input(step), step_function(step, SUFFIX), _window(step)]
    if step.frame.conv is not None:
        parts.insert(0, conv_text.functions(step.name, step.frame, SUFFIX))
    if sliding and step.frame.hops > 1:
        parts.append(frames_text.functions(step, SUFFIX))
    return "\n".join([*parts, *([_push(step), slide_function(step, SUFFIX)] if sliding else [])])


def _source_type(step: LstmStep) -> str:
    return "int8_t" if step.source is None else "int16_t"


def _input(step: LstmStep) -> str:
    name, frame = step.name, step.frame
    x = f"state->{name}_x"
    lines = embed_lines(step, SUFFIX, x)
    if frame.plain and step.source is None:
        lines = [f"myofin_lstm_s16_expand(frame, {frame.size}u, {x});"]
    elif step.source is not None:
        lines = [f"memcpy({x}, frame, {frame.size}u * sizeof(int16_t));"]
    if not frame.plain:
        lines.append(traced(f"{name}.pooled", x, frame.size))
    return "\n".join(
        [
            "/* The input half of a step. */",
            f"static void {name}_input(myofin_state_t *state, const {_source_type(step)} *frame, "
            "int16_t *gates)",
            "{",
            *(f"    {line}" for line in lines),
            f"    myofin_lstm_s16_input(&{name.upper()}, {x}, gates);",
            "}",
            "",
        ]
    )


def _window(step: LstmStep) -> str:
    name, gates = step.name, f"state->{step.name}_gates"
    kind = _source_type(step)
    lines = [
        f"const {kind} *frames = {sequence_address(step)};",
        f"for (uint32_t step = 0; step < {step.steps}u; step++) {{",
        f"    {name}_input(state, frames + (step * {step.frame.step_stride}u), {gates});",
        f"    {step_call(step, gates, 'step', 'step == 0u')}",
        "}",
    ]
    head = f"static void {name}_window(myofin_state_t *state, const {kind} *codes)"
    title = "/* All steps of a window. */"
    return "\n".join([title, head, "{", *sequences(step, lines, SUFFIX), "}", ""])


def _push(step: LstmStep) -> str:
    name, place = step.name, ring_place(step, "slot")
    pool, lines = [], [f"{name}_input(state, {sequence_address(step)}, {place});"]
    if step.frame.hops > 1:
        pool = [f"    {name}_pool_hop(state, codes);"]
        lines = [
            f"{name}_join(state, sequence);",
            f"myofin_lstm_s16_input(&{name.upper()}, state->{name}_x, {place});",
        ]
    return "\n".join(
        [
            "/* The input half of the frame that ends here, kept for all windows that it will be in. */",
            f"static void {name}_push(myofin_state_t *state, const int8_t *codes, uint32_t slot)",
            "{",
            *pool,
            f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
            *(f"        {line}" for line in lines),
            "    }",
            "}",
            "",
        ]
    )
