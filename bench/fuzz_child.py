"""Child process of the fuzzing: feeds mutated models to the reader and the generator, and tells what came.

``fuzz_child.py SEED FIRST STEP LIMIT SCRATCH``: one line on stdout before each input (index, mutation)
and one after (index, outcome, CPU milliseconds, detail). Where the process dies, the parent counts that.
"""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import signal
import sys
import time
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_mutations import Sample, mutant
from proof_counts import FIXTURES, fixture_channels
from random_graphs import random_graph

from myofin.convert.codegen import generate_c
from myofin.convert.codegen_lower import lower
from myofin.convert.flatbuffer import mend_cell_scale, read_model
from myofin.convert.inspection import layer_costs, lstm_report
from myofin.convert.prediction import predict_engine
from myofin.convert.tflm_export import operator_kinds
from myofin.errors import MyofinError
from myofin.frontend import FrontEnd

CPU_LIMIT_S = 10.0
MEMORY_HEADROOM_BYTES = 512 << 20
RANDOM_GRAPHS = ((5, "int8"), (6, "int8"), (3, "float32"), (7, "float32"), (1, "int16x8"), (3, "int16x8"))
KEPT_EVERY = 16  # one accepted input in so many leaves its C for the compiler


@cache
def frontend(channels: int) -> dict[str, Any]:
    """Some front end of that many channels."""
    counts = np.random.default_rng(0).normal(0, 100, (100, channels))
    return FrontEnd.fit(np.rint(counts).astype(np.int16)).to_json()


@cache
def samples() -> list[Sample]:
    """The committed model fixtures, and random networks with the operators that those lack."""
    found = [
        _sample(path.stem, path.read_bytes(), fixture_channels(path.stem))
        for path in sorted(FIXTURES.glob("*.tflite"))
    ]
    for seed, scheme in RANDOM_GRAPHS:
        graph = random_graph(seed, scheme)
        found.append(
            _sample(
                f"random_{scheme}_{seed}", graph.model, graph.channels, "carry" if graph.carry else "reset"
            )
        )
    return found


def _sample(name: str, content: bytes, channels: int, state: str = "reset") -> Sample:
    graph = read_model(content)
    return Sample(name, content, channels, graph.tensors[graph.inputs[0]].shape[2] // channels, state)


def swallow(sample: Sample, content: bytes, folder: Path) -> str:
    """Everything that ``inspect``, ``convert`` and ``export`` do to a model before a compiler runs."""
    graph = read_model(content)
    layer_costs(graph)
    lstm_report(graph)
    operator_kinds(graph)
    lower(graph)
    mend_cell_scale(content)
    generate_c(
        content, frontend(sample.channels), folder,
        frame_samples=sample.frame_samples, channels=sample.channels, state=sample.state,
    )  # fmt: skip
    predict_engine(folder)
    return "accepted"


def attempt(sample: Sample, content: bytes, folder: Path) -> tuple[str, str]:
    """Outcome and detail of one input; whatever is not a MyofinError is a finding."""
    try:
        return swallow(sample, content, folder), ""
    except MyofinError as error:
        return ("refused", "") if error.message and error.hint else ("wordless", repr(error))
    except MemoryError:
        return "memory", traceback.format_exc(limit=-2)
    except Exception:
        return "exception", traceback.format_exc(limit=-3)


def limit_memory() -> None:
    """Let the address space grow by the headroom and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    allowed = pages * resource.getpagesize() + MEMORY_HEADROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


def say(*words: object) -> None:
    """One line to the parent, at once."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(seed: int, first: int, step: int, limit: int, scratch: Path) -> None:
    """Run the inputs ``first, first + step, ...`` below ``limit``."""
    models = samples()
    limit_memory()
    for index in range(first, limit, step):
        sample, kind, content = mutant(models, seed, index)
        say("begin", index, kind)
        folder = scratch / f"engine{first % step}"
        signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)  # SIGPROF ends the process: a hang
        began = time.process_time()
        outcome, detail = attempt(sample, content, folder)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if outcome == "accepted" and index % KEPT_EVERY == 0:
            name = hashlib.sha256(content).hexdigest()[:16]
            shutil.copytree(folder, scratch / "accepted" / name, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        say("end", index, outcome, round(1e3 * (time.process_time() - began)), detail)
    say("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]), Path(sys.argv[5]))
