"""C text of the integer LSTM: over a whole window, and sliding over frames that are kept in a ring."""

from __future__ import annotations

from myofin.convert import codegen_conv_text as conv_text
from myofin.convert import codegen_frames_text as frames_text
from myofin.convert.codegen_layout import STEPS_AT_ONCE, padded_columns
from myofin.convert.codegen_program import POOL_MODES, EmbedStep, LstmStep, Program
from myofin.convert.codegen_trace import input_traced, state_traced, traced

Member = tuple[str, str, int]
VALUES = {"s8": "int8_t", "s16": "int16_t", "f32": "float"}
_KERNELS = (
    *("myofin_lstm_s8", "myofin_lstm_types_s8", "myofin_lstm_scalar_s8", "myofin_lstm_mve_s8"),
    *("myofin_dot_s8", "myofin_dot_mve_s8"),
    *("myofin_activations_s16", "myofin_activations_mve_s16", "myofin_fixed"),
)
_SCRATCH = 8  # int16 values: a block of hidden values on Helium


def kernels(step: LstmStep) -> tuple[str, ...]:
    """Runtime files that the step needs, without extension."""
    if step.frame.conv is not None:
        return _KERNELS + conv_text.KERNELS["int8"]
    return _KERNELS + (("myofin_pool_s8",) if step.frame.table is not None else ())


def can_slide(step: LstmStep, program: Program) -> bool:
    """Whether every hop ends a network frame: a step takes whole hops, and the window is whole steps."""
    frame = step.frame
    if step.source is not None or step.carry:
        return False
    if frame.hops != 1:
        return frame.hops * step.steps == program.frames and frames_text.can_join(step)
    last = frame.offset + (step.batch - 1) * frame.batch_stride
    last += (frame.groups - 1) * frame.group_stride + (frame.samples - 1) * frame.sample_stride
    return step.steps == program.frames and last < program.frame_codes


def ring_slots(step: LstmStep) -> int:
    """Frames whose input halves are kept: those that end at one of the last hops, up to the oldest needed."""
    return step.frame.hops * (step.steps - 1) + 1


def ring_values(step: LstmStep) -> int:
    """int16 values of the input halves in the ring."""
    return step.batch * ring_slots(step) * 4 * step.numbers.units


def members(step: LstmStep, *, sliding: bool) -> tuple[Member, ...]:
    """Scratch in the state; int16 arrays have even lengths, so that each begins at a word."""
    name, units = step.name, step.numbers.units
    states = step.batch if step.carry else 1  # without carry, sequences use the same one after the other
    found: list[Member] = [
        ("int16_t", f"{name}_x", STEPS_AT_ONCE * padded_columns(step.frame.size)),
        ("int16_t", f"{name}_gates", STEPS_AT_ONCE * 4 * units),
        ("int16_t", f"{name}_sums", max(4 * units, _SCRATCH)),
        ("int16_t", f"{name}_h", states * padded_columns(units)),
        ("int16_t", f"{name}_cell", states * (units + units % 2)),
    ]
    if sliding:
        found.append(("int16_t", f"{name}_ring", ring_values(step)))
        found += frames_text.members(step, "s8") if step.frame.hops > 1 else []
    if step.frame.conv is not None:
        found += conv_text.members(name, step.frame, "s8")
    if not step.frame.plain:
        found.append(("int8_t", f"{name}_values", step.frame.size))
    return tuple(found)


def kept(step: LstmStep) -> frozenset[str]:
    """Members that hold what later frames need."""
    hops = [f"{kind}_{of}" for kind in ("sums", "maxima") for of in ("of_hops", "in_hops")]
    names = ["ring", *hops, *(["h", "cell"] if step.carry else [])]
    return frozenset(f"{step.name}_{name}" for name in names)


def functions(step: LstmStep, *, sliding: bool) -> str:
    """Static functions: ``NAME_window(state, codes)``, and for sliding ``NAME_push`` and ``NAME_slide``."""
    parts = [_place(step), step_function(step), _window(step)]
    if step.frame.conv is not None:
        parts.insert(0, conv_text.functions(step.name, step.frame, "s8"))
    if sliding and step.frame.hops > 1:
        parts.append(frames_text.functions(step, "s8"))
    return "\n".join([*parts, *([_push(step), slide_function(step)] if sliding else [])])


def _place(step: LstmStep) -> str:
    name, frame = step.name, step.frame
    lines = [
        f"/* Inputs of one step to {name}_x, as number `step` of `steps`. */",
        f"static void {name}_place(myofin_state_t *state, const int8_t *frame, uint32_t steps,",
        f"{' ' * len(f'static void {name}_place(')}uint32_t step)",
        "{",
        *(f"    {line}" for line in embed_lines(step, "s8", f"state->{name}_values")),
    ]
    values = "frame" if frame.plain else f"state->{name}_values"
    if not frame.plain:
        lines.append(f"    {traced(f'{name}.pooled', values, frame.size)}")
    place = f"    myofin_lstm_s8_place({values}, {frame.size}u, steps, step, state->{name}_x);"
    return "\n".join([*lines, place, "}", ""])


def embed_lines(step: LstmStep | EmbedStep, suffix: str, x: str) -> list[str]:
    """Statements that embed and pool one frame at ``frame`` to ``x``; none for plain codes."""
    frame, pool = step.frame, f"&{step.name.upper()}_POOL"
    value = VALUES[suffix]
    if frame.plain:
        return []
    if not frame.modes:
        return [f"myofin_embed_{suffix}({pool}, frame, {x});"]
    if frame.groups == 1:
        return _pool_lines(step, suffix, "frame", x)
    columns = frame.width * len(frame.modes)
    return [
        f"for (uint32_t group = 0; group < {frame.groups}u; group++) {{",
        f"    const int8_t *samples = frame + (group * {frame.group_stride}u);",
        f"    {value} *columns = {x} + (group * {columns}u);",
        *(f"    {line}" for line in _pool_lines(step, suffix, "samples", "columns")),
        "}",
    ]


def _pool_lines(step: LstmStep | EmbedStep, suffix: str, samples: str, x: str) -> list[str]:
    frame, pool = step.frame, f"&{step.name.upper()}_POOL"
    places: dict[str, str] = {mode: _at(x, i * frame.width) for i, mode in enumerate(frame.modes)}
    if frame.conv is not None:
        return conv_text.pool_lines(step.name, suffix, samples, places)
    if suffix == "f32":
        return [f"myofin_{mode}_f32({pool}, {samples}, {place});" for mode, place in places.items()]
    mean, maximum = (places.get(mode, "NULL") for mode in POOL_MODES)
    head = f"myofin_pool_{suffix}("
    return [f"{head}{pool}, {samples}, {mean},", f"{' ' * len(head)}{maximum});"]


def _at(base: str, offset: int) -> str:
    return f"{base} + {offset}u" if offset else base


def step_function(step: LstmStep, suffix: str = "s8") -> str:
    """``NAME_step``: the state half of one step."""
    name, units = step.name, step.numbers.units
    by_sequence = step.carry and step.batch > 1
    hidden, cell = f"state->{name}_h", f"state->{name}_cell"
    if by_sequence:
        hidden += f" + (sequence * {padded_columns(units)}u)"
        cell += f" + (sequence * {units + units % 2}u)"
    parameters = ["myofin_state_t *state", "const int16_t *gates"]
    parameters += [] if step.carry else ["bool first"]
    parameters += ["uint32_t sequence"] if by_sequence else []
    parameters += [f"{VALUES[suffix]} *output"] if step.whole else []
    head = f"myofin_lstm_{suffix}_state("
    first = "false" if step.carry else "first"  # zeros in the state at the start have the same effect
    lines = [
        "/* The state half of a step. */",
        f"static void {name}_step({', '.join(parameters)})",
        "{",
        f"    {input_traced(step, 'gates', suffix)}",
        f"    {head}&{name.upper()}, {first}, gates, state->{name}_sums, {hidden},",
        f"    {' ' * len(head)}{cell});",
    ]
    lines += _indented(state_traced(step, hidden, cell, suffix))
    if step.whole:
        lines.append(f"    myofin_lstm_{suffix}_output(&{name.upper()}, {hidden}, output);")
    return "\n".join([*lines, "}", ""])


def _indented(lines: list[str]) -> list[str]:
    return [line if line.startswith(("#", " ")) else f"    {line}" for line in lines]


def step_call(step: LstmStep, gates: str, time: str, first: str) -> str:
    """The call of ``NAME_step`` in a loop over ``sequence``."""
    arguments = ["state", gates]
    arguments += [] if step.carry else [first]
    arguments += ["sequence"] if step.carry and step.batch > 1 else []
    if step.whole:
        units = step.numbers.units
        place = f"(sequence * {step.steps}u) + {time}" if step.batch > 1 else time
        arguments.append(f"state->{step.output.name} + (({place}) * {units}u)")
    return f"{step.name}_step({', '.join(arguments)});"


def sequences(step: LstmStep, lines: list[str], suffix: str = "s8") -> list[str]:
    """A loop over the sequences of ``lines``, which run all steps of one, and its last hidden values."""
    name, units = step.name, step.numbers.units
    output, hidden = f"state->{step.output.name}", f"state->{name}_h"
    if step.batch > 1:
        output += f" + (sequence * {units}u)"
        hidden += f" + (sequence * {padded_columns(units)}u)" if step.carry else ""
    write = f"        myofin_lstm_{suffix}_output(&{name.upper()}, {hidden}, {output});"
    last = [] if step.whole else [write]
    return [
        f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
        *(f"        {line}" for line in lines),
        *last,
        "    }",
    ]


def sequence_address(step: LstmStep | EmbedStep) -> str:
    """Where the codes of the first step of ``sequence`` lie."""
    terms = ["codes"]
    terms += [f"{step.frame.offset}u"] if step.frame.offset else []
    terms += [f"(sequence * {step.frame.batch_stride}u)"] if step.batch > 1 else []
    return " + ".join(terms)


def _window(step: LstmStep) -> str:
    name, upper, stride = step.name, step.name.upper(), step.frame.step_stride
    gates = 4 * step.numbers.units
    whole = step.steps - step.steps % STEPS_AT_ONCE
    lines = [f"const int8_t *frames = {sequence_address(step)};"]
    block = f"state->{name}_gates + (i * {gates}u)"
    if whole:
        lines += [
            f"for (uint32_t first = 0; first < {whole}u; first += {STEPS_AT_ONCE}u) {{",
            f"    for (uint32_t i = 0; i < {STEPS_AT_ONCE}u; i++) {{",
            f"        {name}_place(state, frames + ((first + i) * {stride}u), {STEPS_AT_ONCE}u, i);",
            "    }",
            f"    myofin_lstm_s8_input_3(&{upper}, state->{name}_x, state->{name}_gates);",
            f"    for (uint32_t i = 0; i < {STEPS_AT_ONCE}u; i++) {{",
            f"        {step_call(step, block, '(first + i)', '(first + i) == 0u')}",
            "    }",
            "}",
        ]
    for rest in range(whole, step.steps):
        lines += [
            f"{name}_place(state, frames + {rest * stride}u, 1u, 0u);",
            f"myofin_lstm_s8_input_1(&{upper}, state->{name}_x, state->{name}_gates);",
            step_call(step, f"state->{name}_gates", f"{rest}u", "true" if rest == 0 else "false"),
        ]
    head = f"static void {name}_window(myofin_state_t *state, const int8_t *codes)"
    return "\n".join(["/* All steps of a window of codes. */", head, "{", *sequences(step, lines), "}", ""])


def ring_place(step: LstmStep, slot: str) -> str:
    """Expression of the gates that the ring holds of one frame and sequence."""
    gates = 4 * step.numbers.units
    place = f"((sequence * {ring_slots(step)}u) + {slot})" if step.batch > 1 else slot
    return f"state->{step.name}_ring + ({place} * {gates}u)"


def _push(step: LstmStep) -> str:
    name, frame = step.name, step.frame
    pool, place = [], [f"{name}_place(state, {sequence_address(step)}, 1u, 0u);"]
    if frame.hops > 1:
        pool = [f"    {name}_pool_hop(state, codes);"]
        values = f"state->{name}_values, {frame.size}u, 1u, 0u, state->{name}_x"
        place = [f"{name}_join(state, sequence);", f"myofin_lstm_s8_place({values});"]
    return "\n".join(
        [
            "/* The input half of the frame that ends here, kept for all windows that it will be in. */",
            f"static void {name}_push(myofin_state_t *state, const int8_t *codes, uint32_t slot)",
            "{",
            *pool,
            f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
            f"        int16_t *gates = {ring_place(step, 'slot')};",
            *(f"        {line}" for line in place),
            f"        myofin_lstm_s8_input_1(&{name.upper()}, state->{name}_x, gates);",
            "    }",
            "}",
            "",
        ]
    )


def slide_function(step: LstmStep, suffix: str = "s8") -> str:
    """``NAME_slide``: all steps of the window whose frames the ring holds."""
    name = step.name
    lines = [
        "uint32_t slot = state->oldest;",
        f"for (uint32_t step = 0; step < {step.steps}u; step++) {{",
        f"    {step_call(step, ring_place(step, 'slot'), 'step', 'step == 0u')}",
        f"    slot = advanced(slot, {step.frame.hops}u, {ring_slots(step)}u);",
        "}",
    ]
    head = f"static void {name}_slide(myofin_state_t *state)"
    title = "/* All steps of the window whose frames the ring holds. */"
    return "\n".join([title, head, "{", *sequences(step, lines, suffix), "}", ""])
