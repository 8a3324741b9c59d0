"""C text of frames of several hops: each hop is pooled once, and joined with those before it into the frame
that ends there.
"""

from __future__ import annotations

from myofin.convert import codegen_text as c
from myofin.convert.codegen_program import POOL_MODES, LstmStep

Member = tuple[str, str, int]


def can_join(step: LstmStep) -> bool:
    """Whether the poolings of hops can be joined: every hop has an equal share of each group's samples."""
    frame = step.frame
    last = frame.offset + (step.batch - 1) * frame.batch_stride + (frame.groups - 1) * frame.group_stride
    return bool(frame.modes) and frame.hop_samples > 0 and last < frame.sample_stride


def members(step: LstmStep) -> tuple[Member, ...]:
    """Sums and maxima of the hops of a frame, ``[hop][sequence][group][value]``."""
    values = step.frame.hops * step.batch * _sequence_values(step)
    return (
        ("int16_t", f"{step.name}_sums_of_hops", values + values % 2),
        ("int8_t", f"{step.name}_maxima_of_hops", values),
    )


def _sequence_values(step: LstmStep) -> int:
    return step.frame.groups * step.frame.width


def constants(step: LstmStep) -> str:
    """The struct for joining hops."""
    frame = step.frame
    fields = {
        "width": f"{frame.width}u",
        "hops": f"{frame.hops}u",
        "hop_values": f"{step.batch * _sequence_values(step)}u",
        "count": str(frame.samples),
    }
    return c.struct("myofin_hops_s8_t", f"{step.name.upper()}_HOPS", fields)


def functions(step: LstmStep) -> str:
    """``NAME_pool_hop(state, codes)`` and ``NAME_join(state, sequence)``, which fills ``NAME_values``."""
    return "\n".join([_pool_hop(step), _join(step)])


def _pool_hop(step: LstmStep) -> str:
    name, frame = step.name, step.frame
    samples = _sum(["codes", _times("sequence", frame.batch_stride, step.batch)], frame.offset)
    samples = _sum([samples, _times("group", frame.group_stride, frame.groups)])
    lines = [
        "/* Pools the samples of the newest hop. */",
        f"static void {name}_pool_hop(myofin_state_t *state, const int8_t *codes)",
        "{",
        f"    uint32_t at = state->newest_hop * {step.batch * _sequence_values(step)}u;",
        f"    for (uint32_t sequence = 0; sequence < {step.batch}u; sequence++) {{",
        f"        for (uint32_t group = 0; group < {frame.groups}u; group++) {{",
        f"            const int8_t *samples = {samples};",
        f"            myofin_pool_s8_hop(&{name.upper()}_POOL, samples, {frame.hop_samples}u,",
        f"                               state->{name}_sums_of_hops + at,",
        f"                               state->{name}_maxima_of_hops + at);",
        f"            at += {frame.width}u;",
        "        }",
        "    }",
        "}",
        "",
    ]
    return "\n".join(lines)


def _join(step: LstmStep) -> str:
    name, frame = step.name, step.frame
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
            f"        int8_t *columns = state->{name}_values + (group * {columns}u);",
            f"        myofin_pool_s8_join(&{name.upper()}_HOPS, state->{name}_sums_of_hops + at,",
            f"                            state->{name}_maxima_of_hops + at, {mean},",
            f"                            {maximum});",
            f"        at += {frame.width}u;",
            "    }",
            "}",
            "",
        ]
    )


def _times(variable: str, factor: int, count: int) -> str:
    """``variable * factor``, or nothing where the variable is always 0."""
    return f"({variable} * {factor}u)" if count > 1 else ""


def _sum(terms: list[str], constant: int = 0) -> str:
    return " + ".join([term for term in terms if term] + ([f"{constant}u"] if constant else []))
