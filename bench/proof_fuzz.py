"""Proof: no mutated `.tflite` file crashes, hangs or swallows memory; each is refused or gives sound C."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from fuzz_child import CPU_LIMIT_S, MEMORY_HEADROOM_BYTES, samples
from fuzz_mutations import MUTATIONS, mutant
from fuzz_watch import GOOD, Tally, Watch
from proof_counts import Count, Settings
from sanitizers import SANITIZE, WINDOWS_MAIN

from myofin.convert.host_engine import compile_sources
from myofin.errors import CheckError

INPUTS, INPUTS_SMALL = 100_000, 5_000
COMPILED, COMPILED_SMALL = 200, 4
WINDOW_BYTES = 30 * 1024  # more than any fixture's window: the program reads whole windows from it


def fuzz(settings: Settings) -> list[Count]:
    """Mutate every model fixture; compile a sample of what the generator made of the accepted ones."""
    tally = run_inputs(settings, settings.size(INPUTS, INPUTS_SMALL))
    keep_findings(settings, tally)
    seen = sum(tally.outcomes.values())
    wrong = sum(count for outcome, count in tally.outcomes.items() if outcome not in GOOD)
    others = ", ".join(f"{tally.outcomes[name]} {name}" for name in ("crash", "hang", "memory", "exception"))
    note = (
        f"{len(samples())} models, {len(MUTATIONS)} kinds of mutation; {tally.outcomes['refused']:,} refused "
        f"with a MyofinError, {tally.outcomes['accepted']:,} accepted; {others}; slowest "
        f"{tally.slowest_ms:,} ms of CPU (limit {CPU_LIMIT_S:g} s), peak {tally.peak_kilobytes // 1024} MB "
        f"(limit: {MEMORY_HEADROOM_BYTES >> 20} MB of address space above the idle process)"
    )
    programs = settings.size(COMPILED, COMPILED_SMALL)
    built, bad = compile_accepted(settings.scratch / "accepted", programs, settings.seed)
    return [
        Count("mutated models: refused or accepted, and nothing else", seen, wrong, note),
        Count("C of accepted ones: no warning, clean under ASan and UBSan on random codes", built, bad),
    ]


def run_inputs(settings: Settings, inputs: int) -> Tally:
    """Feed the inputs to child processes, one for each core."""
    workers = os.cpu_count() or 1
    done = itertools.count(1)

    def seen() -> None:
        settings.progress("mutated models", next(done), inputs)

    watches = [
        Watch(settings.seed, first, workers, inputs, settings.scratch, seen) for first in range(workers)
    ]
    total = Tally()
    with ThreadPoolExecutor(workers) as pool:
        for tally in pool.map(Watch.run, watches):
            total.add(tally)
    return total


def keep_findings(settings: Settings, tally: Tally) -> None:
    """Write each input that was a finding, and what it did, to the scratch folder."""
    folder = settings.scratch / "findings"
    for index, detail in tally.findings.items():
        folder.mkdir(parents=True, exist_ok=True)
        sample, kind, content = mutant(samples(), settings.seed, index)
        (folder / f"{index}.tflite").write_bytes(content)
        (folder / f"{index}.txt").write_text(f"{sample.name}, {kind}\n{detail}\n", encoding="utf-8")


def compile_accepted(folder: Path, limit: int, seed: int) -> tuple[int, int]:
    """Compile and run some of the engines in a folder; how many, and how many of them were not sound."""
    codes = np.random.default_rng(seed).integers(-128, 128, 4 * WINDOW_BYTES).astype(np.int8).tobytes()
    chosen = list(evenly(sorted(folder.iterdir()) if folder.is_dir() else [], limit))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return len(chosen), sum(not sound for sound in pool.map(lambda path: is_sound(path, codes), chosen))


def evenly(items: list[Path], limit: int) -> Iterator[Path]:
    """At most ``limit`` of the items, evenly spaced."""
    for i in range(min(limit, len(items))):
        yield items[i * len(items) // min(limit, len(items))]


def is_sound(folder: Path, codes: bytes) -> bool:
    """Whether an engine compiles without a warning, and runs on random codes without a complaint."""
    (folder / "main.c").write_text(WINDOWS_MAIN, encoding="utf-8")
    program, complaint = folder / "program", folder / "complaint.txt"
    try:
        compile_sources(sorted(folder.glob("*.c")), program, folder, *SANITIZE)
    except CheckError as error:
        complaint.write_text(error.message, encoding="utf-8")
        return False
    done = subprocess.run([program], input=codes, capture_output=True, timeout=120, check=False)
    complaint.write_bytes(done.stderr)
    return done.returncode == 0 and not done.stderr
