"""Proof: on random networks the generated C equals TFLM in outputs, intermediate tensors and streams."""

from __future__ import annotations

from equality_graphs import FLOAT_TOLERANCE_ULP, SCHEMES, Tally, compare_graphs
from proof_counts import Count, Settings

GRAPHS, GRAPHS_SMALL = 500, 2  # of each scheme; tests/unit/test_random_graphs.py compares more


def graphs(settings: Settings) -> list[Count]:
    """Random networks of every scheme; what is compared are single values."""
    return [compare(settings, scheme) for scheme in SCHEMES]


def compare(settings: Settings, scheme: str) -> Count:
    """The networks of one scheme; one that the generator refuses counts as a difference."""
    total, wanted = Tally(), settings.size(GRAPHS, GRAPHS_SMALL)
    for done, (_, tally) in enumerate(compare_graphs(wanted, scheme)):
        total.add(tally)
        settings.progress(f"{scheme} networks", done + 1, wanted)
    compared = total.outputs + total.intermediates + total.streamed_values
    note = (
        f"{total.graphs} networks, {total.refused} refused, {total.streamed} streamed too; of the values "
        f"{total.intermediates:,} are of {total.intermediate_tensors:,} intermediate tensors"
    )
    note += f"; tolerance {FLOAT_TOLERANCE_ULP:g} ulp" if scheme == "float32" else ""
    return Count(f"{scheme} random networks, values", compared, total.different + total.refused, note)
