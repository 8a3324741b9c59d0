"""C text of frames of several hops: each hop is pooled once, and joined with those before it into the frame
that ends there.
"""

from __future__ import annotations

from myofin.convert import codegen_text as c
from myofin.convert.codegen_program import POOL_MODES, LstmStep
from myofin.convert.codegen_trace import traced

Member = tuple[str, str, int]
# C types of sums and maxima over the samples of a hop.
_TYPES = {"s8": ("int16_t", "int8_t"), "s16": ("int32_t", "int16_t")}
# Where a frame is joined to: what the LSTM's kernel places or takes.
_JOINED = {"s8": "values", "s16": "x"}


def can_join(step: LstmStep) -> bool:
    """Whether the poolings of hops can be joined: every hop has an equal share of each group's samples."""
    frame = step.frame
    last = frame.offset + (step.batch - 1) * frame.batch_stride + (frame.groups - 1) * frame.group_stride
    # Places of a convolution that begin before a hop must end in it.
    return bool(frame.modes) and frame.hop_samples >= max(1, frame.taps - 1) and last < frame.sample_stride


def members(step: LstmStep, suffix: str) -> tuple[Member, ...]:
    """Sums and maxima of the hops of a frame, ``[hop][sequence][group][value]``.

    Those of a convolution are there twice: with and without the places that begin in the hop before.
    """
    values = step.frame.hops * step.batch * _sequence_values(step)
    sums, maxima = _TYPES[suffix]
    return tuple(
        member
        for of in ("of_hops", "in_hops")[: 1 if step.frame.conv is None else 2]
        for member in (
            (sums, f"{step.name}_sums_{of}", values + values % 2),
            (maxima, f"{step.name}_maxima_{of}", values + values % 2),
        )
    )


def _sequence_values(step: LstmStep) -> int:
    return step.frame.groups * step.frame.width


def constants(step: LstmStep, suffix: str) -> str:
    """The struct for joining hops."""
    frame = step.frame
    fields = {
        "width": f"{frame.width}u",
        "hops": f"{frame.hops}u",
        "hop_values": f"{step.batch * _sequence_values(step)}u",
        "count": str(frame.samples),
    }
    return c.struct(f"myofin_hops_{suffix}_t", f"{step.name.upper()}_HOPS", fields)


def functions(step: LstmStep, suffix: str) -> str:
    """``NAME_pool_hop(state, codes)`` and ``NAME_join(state, sequence)``, which fills what the LSTM takes."""
    pool = _pool_hop(step, suffix) if step.frame.conv is None else _convolve_hop(step)
    return "\n".join([pool, _join(step, suffix)])


def _pool_hop(step: LstmStep, suffix: str) -> str:
    name, frame, head = step.name, step.frame, f"myofin_pool_{suffix}_hop("
    lines = [
        "/* Pools the samples of the newest hop. */",
        f"static void {name}_pool_hop(myofin_state_t *state, const int8_t *codes)",
        "{",
        f"    uint32_t at = state->newest_hop * {step.batch * _sequence_values(step)}u;",
        f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
        f"        for (uint32_t group = 0; group < {frame.groups}u; group++) {{",
        f"            const int8_t *samples = {_sum(['codes', *_place(step)])};",
        f"            {head}&{name.upper()}_POOL, samples, {frame.hop_samples}u,",
        f"            {' ' * len(head)}state->{name}_sums_of_hops + at,",
        f"            {' ' * len(head)}state->{name}_maxima_of_hops + at);",
        f"            at += {frame.width}u;",
        "        }",
        "    }",
        "}",
        "",
    ]
    return "\n".join(lines)


def _place(step: LstmStep) -> list[str]:
    """Where the first code of a group is in a hop, as terms of a sum."""
    frame = step.frame
    terms = [f"{frame.offset}u"] if frame.offset else []
    terms.append(_times("sequence", frame.batch_stride, step.batch))
    return [*terms, _times("group", frame.group_stride, frame.groups)]


def _convolve_hop(step: LstmStep) -> str:
    name, frame = step.name, step.frame
    values, conv, before = step.batch * _sequence_values(step), f"&{name.upper()}_CONV", frame.taps - 1
    inside = frame.hop_samples - before
    return "\n".join(
        [
            "/*",
            " * Pools the places that end in the newest hop. Those that begin in the hop before count in",
            " * every frame but the one that the hop begins, so the poolings are kept without them too.",
            " */",
            f"static void {name}_pool_hop(myofin_state_t *state, const int8_t *codes)",
            "{",
            "    const int8_t *end = (codes == state->window) ? (codes + MYOFIN_WINDOW_CODES) : codes;",
            f"    const uint32_t oldest = advanced(state->newest_hop, 1u, {frame.hops}u) * {values}u;",
            f"    uint32_t at = state->newest_hop * {values}u;",
            f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
            f"        for (uint32_t group = 0; group < {frame.groups}u; group++) {{",
            f"            const uint32_t place = {_sum(_place(step))};",
            f"            myofin_conv_gather({conv}, end - {before * frame.sample_stride}u + place,",
            f"                               {before}u, state->{name}_samples);",
            f"            myofin_conv_gather({conv}, codes + place, {frame.hop_samples}u,",
            f"                               state->{name}_samples + {before}u);",
            f"            memset(state->{name}_pooled, 0, sizeof(state->{name}_pooled));",
            *_convolve_call(name, f"{before}u, {inside}u, {inside}u", "in_hops"),
            *_convolve_call(name, f"0u, {before}u, {frame.hop_samples}u", "of_hops"),
            f"            at += {frame.width}u;",
            "        }",
            "    }",
            "    /* The frame that ends here begins with the oldest hop. */",
            *(
                f"    memcpy(state->{name}_{kind}_of_hops + oldest, state->{name}_{kind}_in_hops + oldest,\n"
                f"           {values}u * sizeof(state->{name}_{kind}_of_hops[0]));"
                for kind in ("sums", "maxima")
            ),
            "}",
            "",
        ]
    )


def _convolve_call(name: str, places: str, of: str) -> list[str]:
    return [
        f"            {name}_convolve(state, {places}, state->{name}_sums_{of} + at,",
        f"            {' ' * len(name)}          state->{name}_maxima_{of} + at);",
    ]


def _join(step: LstmStep, suffix: str) -> str:
    name, frame, head = step.name, step.frame, f"myofin_pool_{suffix}_join("
    columns = frame.width * len(frame.modes)
    at = _sum(["0u"] if step.batch == 1 else [_times("sequence", _sequence_values(step), step.batch)])
    places = {mode: _sum(["columns"], i * frame.width) for i, mode in enumerate(frame.modes)}
    mean, maximum = (places.get(mode, "NULL") for mode in POOL_MODES)
    return "\n".join(
        [
            "/* The poolings of a frame from those of its hops. */",
            f"static void {name}_join(myofin_state_t *state, uint32_t sequence)",
            "{",
            *(["    (void)sequence;"] if step.batch == 1 else []),
            f"    uint32_t at = {at};",
            f"    for (uint32_t group = 0; group < {frame.groups}u; group++) {{",
            f"        {_TYPES[suffix][1]} *columns = state->{name}_{_JOINED[suffix]} + (group * {columns}u);",
            f"        {head}&{name.upper()}_HOPS, state->{name}_sums_of_hops + at,",
            f"        {' ' * len(head)}state->{name}_maxima_of_hops + at, {mean},",
            f"        {' ' * len(head)}{maximum});",
            f"        at += {frame.width}u;",
            "    }",
            f"    {traced(f'{name}.pooled', f'state->{name}_{_JOINED[suffix]}', frame.size)}",
            "}",
            "",
        ]
    )


def _times(variable: str, factor: int, count: int) -> str:
    """``variable * factor``, or nothing where the variable is always 0."""
    return f"({variable} * {factor}u)" if count > 1 else ""


def _sum(terms: list[str], constant: int = 0) -> str:
    return " + ".join([term for term in terms if term] + ([f"{constant}u"] if constant else [])) or "0u"
