"""The generated C against TFLM on random networks: outputs, intermediate tensors, streams.

.venv/bin/python bench/equality_graphs.py [--graphs 500] [--scheme int8]... [--first SEED] [--json FILE]

Each network is generated twice: as it would ship, and with every intermediate tensor kept. Both are compiled
for this machine and compared with TFLM's reference kernels on the same codes. Networks that slide or carry
are also streamed frame by frame.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import click
import numpy as np
from graph_engine import EngineFactory, GraphEngine, TflmProbe
from numpy.typing import NDArray
from random_graphs import RandomGraph, random_graph

from myofin.convert.codegen import generate_c
from myofin.convert.codegen_lower import intermediates
from myofin.convert.flatbuffer import read_model
from myofin.errors import ModelError
from myofin.frontend import FrontEnd

SCHEMES = ("int8", "int16x8", "float32")
WINDOWS = 10
CARRIED_FRAMES = 60
STREAMED_WINDOWS = 5
# Units in the last place, see docs/arithmetic.md.
FLOAT_TOLERANCE_ULP = 0.0


@dataclass
class Tally:
    """Counts over all networks of a scheme; ``different`` counts values."""

    graphs: int = 0
    refused: int = 0
    streamed: int = 0
    outputs: int = 0
    intermediates: int = 0
    intermediate_tensors: int = 0
    streamed_values: int = 0
    different: int = 0
    varied: int = 0  # networks whose logits took more than 3 values

    def add(self, other: Tally) -> None:
        """Add the counts of another."""
        for name in (entry.name for entry in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def compare_graphs(
    count: int, scheme: str, *, first: int = 0, compiler_flags: tuple[str, ...] = ("-O1",)
) -> Iterator[tuple[RandomGraph, Tally]]:
    """Compare the networks of seeds ``first`` to ``first + count - 1``, one after the other."""
    with tempfile.TemporaryDirectory(prefix="myofin-graphs-") as scratch:
        factory = EngineFactory(Path(scratch), compiler_flags)
        for seed in range(first, first + count):
            graph = random_graph(seed, scheme)
            yield graph, _compare(graph, seed, factory)


def _compare(graph: RandomGraph, seed: int, factory: EngineFactory) -> Tally:
    network = read_model(graph.model)
    shape = network.tensors[network.inputs[0]].shape[1:]
    codes = _codes(seed, shape, CARRIED_FRAMES if graph.carry else WINDOWS)
    try:
        shipped = _engine(graph, shape[1], factory, keep=False)
        kept = _engine(graph, shape[1], factory, keep=True)
    except ModelError:
        return Tally(graphs=1, refused=1)
    probe = TflmProbe(graph.model, network)
    places = {index: place for index, place in intermediates(network).items() if index not in network.outputs}
    tally = Tally(graphs=1, intermediate_tensors=len(places))
    wanted, held = probe.run(codes, reset_each=not graph.carry, tensors=tuple(places))
    tally.outputs = 2 * wanted.size
    tally.varied = int(len(np.unique(wanted)) > 3)
    tally.different += _differing(wanted, shipped.run(codes, reset_each=not graph.carry))
    found, members = kept.run_with_members(codes, reset_each=not graph.carry)
    tally.different += _differing(wanted, found)
    for index, (buffer, elements) in places.items():
        values = members[buffer.name][:, elements.reshape(-1)]
        tally.intermediates += values.size
        tally.different += _differing(held[index], values)
    return _stream(graph, seed, shipped, probe, tally)


def _stream(graph: RandomGraph, seed: int, engine: GraphEngine, probe: TflmProbe, tally: Tally) -> Tally:
    """Counts pushed frame by frame; TFLM takes the codes that each decision was made on."""
    if not (engine.slides or graph.carry):
        return tally
    rng = np.random.default_rng(seed)
    frames = CARRIED_FRAMES if graph.carry else engine.frames + STREAMED_WINDOWS - 1
    loudness = np.geomspace(5, 8000, frames)[:, np.newaxis]
    counts = np.clip(rng.normal(0, 1, (frames, engine.frame_codes)) * loudness, -32768, 32767).astype(
        np.int16
    )
    codes, found = engine.stream(counts)
    wanted, _ = probe.run(codes, reset_each=not graph.carry)
    tally.streamed, tally.streamed_values = 1, wanted.size
    tally.different += _differing(wanted, found)
    return tally


def _engine(graph: RandomGraph, frame_codes: int, factory: EngineFactory, *, keep: bool) -> GraphEngine:
    rng = np.random.default_rng(1)
    front = FrontEnd.fit(rng.normal(0, 300, (2000, graph.channels)).astype(np.int16))
    folder = factory.new_folder()
    generate_c(
        graph.model,
        front.to_json(),
        folder,
        frame_samples=frame_codes // graph.channels,
        channels=graph.channels,
        state="carry" if graph.carry else "reset",
        keep_intermediates=keep,
    )
    places = intermediates(read_model(graph.model)) if keep else {}
    return factory.build(folder, sorted({buffer for buffer, _ in places.values()}, key=lambda b: b.name))


def _codes(seed: int, shape: tuple[int, ...], count: int) -> NDArray[np.int8]:
    """Windows of every loudness, and the extremes."""
    rng = np.random.default_rng(seed + 1)
    loudness = np.geomspace(0.5, 120, count).reshape(-1, *[1] * len(shape))
    codes = np.clip(np.rint(rng.normal(0, 1, (count, *shape)) * loudness), -128, 127).astype(np.int8)
    codes[0], codes[1] = 0, -128
    codes[2] = rng.choice(np.array([-128, 127], np.int8), shape)
    return codes


def _differing(wanted: NDArray[np.generic], found: NDArray[np.generic]) -> int:
    """Values that differ: at all on integers, by more than the tolerance on float32."""
    if wanted.dtype.kind != "f":
        return int(np.count_nonzero(wanted != found))
    scale = np.maximum(np.abs(wanted).max(initial=0.0), 1.0) * np.finfo(np.float32).eps
    return int(np.count_nonzero(~(np.abs(wanted - found) <= FLOAT_TOLERANCE_ULP * scale)))


@click.command()
@click.option("--graphs", default=500, show_default=True, help="Random networks of each scheme.")
@click.option("--scheme", "schemes", multiple=True, type=click.Choice(SCHEMES), default=SCHEMES)
@click.option("--first", default=0, show_default=True, help="Seed of the first network.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False))
def main(graphs: int, schemes: tuple[str, ...], first: int, json_path: Path | None) -> None:
    """Compare the C engine with TFLM on random networks; exit code 1 where a value differs."""
    totals = {scheme: Tally() for scheme in schemes}
    for scheme, total in totals.items():
        for offset, (graph, tally) in enumerate(compare_graphs(graphs, scheme, first=first)):
            total.add(tally)
            if tally.different or tally.refused:
                said = "refused" if tally.refused else f"{tally.different} values differ"
                click.echo(f"{scheme} seed {first + offset}: {said}: {graph.summary}", err=True)
        values = total.outputs + total.intermediates + total.streamed_values
        click.echo(
            f"{scheme}: {total.graphs} graphs ({total.refused} refused, {total.streamed} streamed too), "
            f"{values} values compared ({total.intermediates} of {total.intermediate_tensors} intermediate "
            f"tensors), {total.different} different"
        )
    if json_path:
        json_path.write_text(
            json.dumps({name: asdict(total) for name, total in totals.items()}, indent=1) + "\n"
        )
    if any(total.different or total.refused for total in totals.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
