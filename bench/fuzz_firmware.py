"""The firmware's parser under libFuzzer with AddressSanitizer and UBSan, on this machine.

.venv/bin/python bench/fuzz_firmware.py [--inputs N] [--out FOLDER]

Writes fuzz_firmware.json and fuzz_firmware.md. It needs clang with its runtime (Debian: clang-14 and
libclang-rt-14-dev).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click

import myofin.firmware_bridge
from myofin.boards.registry import load_board
from myofin.errors import ToolMissingError
from myofin.firmware_bridge.build import write_settings

HERE = Path(__file__).parent
TESTS_DATA = HERE.parent / "tests" / "data"
FIRMWARE = Path(myofin.firmware_bridge.__file__).parent / "firmware"
MODES: Final = {"bytes": "-DFUZZ_MODE=0", "messages": "-DFUZZ_MODE=1", "text": "-DFUZZ_MODE=2"}
_SANITIZED: Final = ("-fno-sanitize-recover=all", "-g", "-O2", "-std=c99")
# Comparisons are not traced: most of the time would go there, and the parser compares with little.
_FUZZED: Final = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-coverage=trace-cmp")
_MAX_INPUT_BYTES: Final = {"bytes": 128, "messages": 192, "text": 48}
SMALL_BOARD: Final = "microbit"  # its requests are short, so inputs soon exceed them
_SHARES: Final = {"text": 5}  # one input in so many: an input of text may make many inferences
_TIMEOUT_S: Final = 120  # of one input: more is a hang; less befalls any process of a busy machine
_COMPILERS: Final = ("clang", *(f"clang-{version}" for version in range(21, 13, -1)))


@dataclass(frozen=True)
class FuzzRun:
    """One run: inputs executed, edges of the code covered, inputs kept for covering more, findings."""

    mode: str
    inputs: int
    edges: int
    kept: int
    findings: int


def build(folder: Path, mode: str, compiler: str, *flags: str, firmware: Path = FIRMWARE) -> Path:
    """Compile the target of a mode into a folder, around the fake model of the tests."""
    write_settings(folder, load_board(SMALL_BOARD), "c", "00" * 32)
    model = TESTS_DATA / "fake_model"
    own = [path for path in sorted(firmware.glob("*.c")) if path.name != "main.c"]
    sources = [*own, TESTS_DATA / "host_port.c", *model.glob("*.c"), HERE / "fuzz_firmware.c"]
    program = folder / f"fuzz-{mode}"
    includes = [f"-I{path}" for path in (folder, firmware, model)]
    command = [compiler, *_SANITIZED, *flags, MODES[mode], *includes, *map(str, sources)]
    subprocess.run([*command, "-o", str(program)], check=True, timeout=300)
    return program


def find_clang() -> str:
    """A clang on the path.

    Raises:
        ToolMissingError: There is none.
    """
    for name in _COMPILERS:
        if path := shutil.which(name):
            return path
    raise ToolMissingError(
        "There is no clang on this machine, so no libFuzzer.",
        hint="Run: sudo apt-get install -y --no-install-recommends clang-14 libclang-rt-14-dev",
    )


def fuzz(mode: str, inputs: int, seed: int, scratch: Path) -> FuzzRun:
    """Run libFuzzer in one mode."""
    folder, corpus = scratch / mode, scratch / mode / "corpus"
    corpus.mkdir(parents=True)
    program = build(folder, mode, find_clang(), *_FUZZED)
    command = [str(program), f"-runs={inputs}", f"-max_len={_MAX_INPUT_BYTES[mode]}", f"-seed={seed}"]
    command += [
        "-print_final_stats=1",
        "-reduce_inputs=0",
        f"-timeout={_TIMEOUT_S}",
        f"-artifact_prefix={folder}/",
        str(corpus),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    edges = re.findall(r"cov: (\d+)", done.stderr)
    if done.returncode != 0:
        click.echo(done.stderr[-4000:], err=True)
    return FuzzRun(
        mode=mode,
        inputs=int(executed[1]) if executed else 0,
        edges=int(edges[-1]) if edges else 0,
        kept=len(list(corpus.iterdir())),
        findings=int(done.returncode != 0),
    )


def page(rows: list[dict[str, Any]], compiler: str) -> str:
    """The figures as a page."""
    lines = [
        "# The firmware's parser, fuzzed",
        "",
        f"Written by `bench/fuzz_firmware.py`; do not edit. libFuzzer of {compiler}, with AddressSanitizer",
        "and UBSan, on the application compiled for this machine around the tests' fake model. After every",
        "input, what the board sent must be whole frames, and a new session must work.",
        "",
        "- `bytes`: the input is what comes over the line.",
        "- `messages`: the input is a script of messages; their CRC-32 is put right, so they get past it.",
        "- `text`: the input is a row of words of the text commands (`docs/mlperf-tiny.md`).",
        "",
        "| mode | inputs | edges covered | inputs kept | findings |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        figures = (f"{row[name]:,}" for name in ("inputs", "edges", "kept", "findings"))
        lines.append(f"| {row['mode']} | {' | '.join(figures)} |")
    return "\n".join([*lines, ""])


@click.command()
@click.option(
    "--inputs",
    type=click.IntRange(1),
    default=10_000_000,
    show_default=True,
    help="Of each mode (text: a fifth).",
)
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE, show_default="bench/")
def main(inputs: int, seed: int, out: Path) -> None:
    """Fuzz in all modes, print the figures and write them down; exit code 1 when there is a finding."""
    version = subprocess.run([find_clang(), "--version"], capture_output=True, text=True, check=True).stdout
    asked = {mode: inputs // _SHARES.get(mode, 1) for mode in MODES}
    with (
        tempfile.TemporaryDirectory(prefix="myofin-fuzz-") as scratch,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        runs = [pool.submit(fuzz, mode, asked[mode], seed, Path(scratch)) for mode in MODES]
        rows = [asdict(run.result()) for run in runs]
    text = page(rows, version.splitlines()[0])
    out.mkdir(parents=True, exist_ok=True)
    (out / "fuzz_firmware.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (out / "fuzz_firmware.md").write_text(text, encoding="utf-8")
    click.echo(text)
    if any(row["findings"] or row["inputs"] < asked[row["mode"]] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
