"""``make proof``: the comparisons that the engine's claims rest on, at full size.

.venv/bin/python bench/proof.py [--small] [--data FOLDER] [--out FOLDER] [NAME]...
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from proof_cores import cores
from proof_counts import REAL_DATA, Count, Proof, Settings
from proof_fuzz import fuzz
from proof_graphs import graphs
from proof_page import page, table
from proof_sanitizers import sanitizers
from proof_windows import sliding, windows

from myofin.errors import MyofinError

HERE = Path(__file__).parent
# A proof is a function of Settings that returns its counts; another one is added by a line here.
PROOFS: dict[str, Proof] = {
    "windows": windows,
    "graphs": graphs,
    "sliding": sliding,
    "cores": cores,
    "fuzz": fuzz,
    "sanitizers": sanitizers,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(PROOFS)), metavar="[NAME]...")
@click.option("--small", is_flag=True, help="Fewer inputs, as the tests run them.")
@click.option("--data", type=click.Path(path_type=Path), default=REAL_DATA, help="Real recordings.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE, show_default="bench/")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep models and findings here."
)
def main(names: tuple[str, ...], small: bool, data: Path, out: Path, keep: Path | None) -> None:
    """Run proofs (all without a NAME), print their counts, and write proof.json and proof.md."""
    with tempfile.TemporaryDirectory(prefix="myofin-proof-") as scratch:
        folder = keep or Path(scratch)
        settings = Settings(folder, folder / "models", data, small, progress=say)
        rows = [row for name in names or PROOFS for row in run(name, settings)]
    out.mkdir(parents=True, exist_ok=True)
    rows = merged(out / "proof.json", rows)
    (out / "proof.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (out / "proof.md").write_text(page(rows), encoding="utf-8")
    if any(row["differing"] or not row["compared"] for row in rows):
        sys.exit(1)


def say(stage: str, done: int, total: int) -> None:
    """Tell of every twentieth of a stage."""
    if done * 20 // total != (done - 1) * 20 // total:
        click.echo(f"  {stage}: {done:,} of {total:,}", err=True)


def run(name: str, settings: Settings) -> list[dict[str, Any]]:
    """Run one proof in a folder of its own, and print and return its rows."""
    click.echo(f"proof {name}", err=True)
    own = replace(settings, scratch=settings.scratch / name)
    own.scratch.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        counts = PROOFS[name](own)
    except MyofinError as error:
        raise click.ClickException(f"{error.message} {error.hint}") from error
    rows = [row_of(name, count, settings.small, time.monotonic() - began) for count in counts]
    click.echo(table(rows))
    return rows


def row_of(name: str, count: Count, small: bool, seconds: float) -> dict[str, Any]:
    """One line of proof.json; ``seconds`` are of the whole proof."""
    return {"proof": name, **vars(count), "small": small, "seconds": round(seconds)}


def merged(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an older file, with those of the proofs that ran now in their place."""
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    ran = {row["proof"] for row in rows}
    kept = [row for row in old if row["proof"] not in ran] + rows
    return sorted(kept, key=lambda row: list(PROOFS).index(row["proof"]))


if __name__ == "__main__":
    main()
