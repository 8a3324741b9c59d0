"""Proof: on random networks the generated C equals TFLM in outputs, intermediate tensors and streams."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from equality_graphs import FLOAT_TOLERANCE_ULP, SCHEMES, Tally, compare_graphs
from proof_counts import Count, Settings

GRAPHS, GRAPHS_SMALL = 200, 2  # of each scheme; tests/unit/test_random_graphs.py compares more
AT_ONCE = 10  # networks that one process compares before it is asked for more


def graphs(settings: Settings) -> list[Count]:
    """Random networks of every scheme; what is compared are single values."""
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        return [compare(settings, scheme, pool) for scheme in SCHEMES]


def compare(settings: Settings, scheme: str, pool: ProcessPoolExecutor) -> Count:
    """The networks of one scheme; one that the generator refuses counts as a difference."""
    total, wanted = Tally(), settings.size(GRAPHS, GRAPHS_SMALL)
    for tallies in pool.map(partial(compare_some, scheme, wanted), range(0, wanted, AT_ONCE)):
        for tally in tallies:
            total.add(tally)
            settings.progress(f"{scheme} networks", total.graphs, wanted)
    compared = total.outputs + total.intermediates + total.streamed_values
    note = (
        f"{total.graphs} networks, {total.refused} refused, {total.streamed} streamed too; of the values "
        f"{total.intermediates:,} are of {total.intermediate_tensors:,} intermediate tensors"
    )
    note += f"; tolerance {FLOAT_TOLERANCE_ULP:g} ulp" if scheme == "float32" else ""
    return Count(f"{scheme} random networks, values", compared, total.different + total.refused, note)


def compare_some(scheme: str, end: int, first: int) -> list[Tally]:
    """Compare the next few networks before the seed ``end``."""
    return [tally for _, tally in compare_graphs(min(AT_ONCE, end - first), scheme, first=first)]
