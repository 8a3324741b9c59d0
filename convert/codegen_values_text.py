"""C text of the steps that move or change single values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myofin.convert import codegen_text as c
from myofin.convert.codegen_program import GatherStep, JoinStep, MeanStep, RescaleStep, Scheme
from myofin.convert.codegen_step_text import SUFFIX, VALUE_TYPE, StepText, at

_KIND: Mapping[Scheme, str] = {"int8": "integer", "int16x8": "integer", "float32": "f32"}


def rescale_text(step: RescaleStep, scheme: Scheme) -> StepText:
    """RELU, RELU6 and QUANTIZE."""
    upper, kernel = step.name.upper(), f"myofin_rescale_{_KIND[scheme]}"
    dtype = "float32" if scheme == "float32" else "int32"
    fields = {"low": c.number(step.low, dtype), "high": c.number(step.high, dtype)}
    if scheme != "float32":
        fields = {
            "input_zero_point": str(step.input_zero_point),
            "scale": c.scale(step.scale),
            "zero_point": str(step.zero_point),
        } | fields
    call = f"    {kernel}(&{upper}, {step.output.size}u, {at(step.source)}, {at(step.output)});"
    return StepText(c.struct(f"{kernel}_t", upper, fields), (), call, _values_kernels(scheme))


def mean_text(step: MeanStep, scheme: Scheme) -> StepText:
    """A mean over one axis."""
    upper, kernel = step.name.upper(), f"myofin_average_{_KIND[scheme]}"
    fields = {"count": f"{step.count}u", "inner": f"{step.inner}u"}
    if scheme != "float32":
        fields |= {
            "offset": str(-step.count * step.input_zero_point),
            "scale": c.scale(step.scale),
            "zero_point": str(step.zero_point),
        }
    call = f"    {kernel}(&{upper}, {step.outer}u, {at(step.source)}, {at(step.output)});"
    return StepText(c.struct(f"{kernel}_t", upper, fields), (), call, _values_kernels(scheme))


def _values_kernels(scheme: Scheme) -> tuple[str, ...]:
    return (f"myofin_values_{SUFFIX[scheme]}",) + (() if scheme == "float32" else ("myofin_fixed",))


def join_text(step: JoinStep, scheme: Scheme) -> StepText:
    """Buffers side by side, copied row by row."""
    size, start, lines = f"sizeof({VALUE_TYPE[scheme]})", 0, []
    row = step.output.size // step.rows
    for source in step.sources:
        width = source.size // step.rows
        to, come = f"{at(step.output)} + (row * {row}u) + {start}u", f"{at(source)} + (row * {width}u)"
        lines.append(f"        memcpy({to}, {come}, {width}u * {size});")
        start += width
    call = "\n".join([f"    for (uint32_t row = 0; row < {step.rows}u; row++) {{", *lines, "    }"])
    return StepText("", (), call, ())


def gather_text(step: GatherStep) -> StepText:
    """Values in another order."""
    upper = step.name.upper()
    text = c.array(f"{upper}_INDICES", step.indices.astype(np.uint16), f"places in {step.source.name}")
    call = "\n".join(
        [
            f"    for (uint32_t i = 0; i < {len(step.indices)}u; i++) {{",
            f"        {at(step.output)}[i] = {at(step.source)}[{upper}_INDICES[i]];",
            "    }",
        ]
    )
    return StepText(text, (), call, ())
