"""``myofin sensitivity``: which layer of a network loses what in integers."""

from __future__ import annotations

from pathlib import Path

import click

from myofin.console import emit, json_option, progress_bar


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The recordings that RUN was trained on; default: where they were then.",
)
@click.option(
    "--windows",
    type=click.IntRange(1, 100_000),
    default=240,
    show_default=True,
    help="At most so many validation windows.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of json and page.")
@json_option
def sensitivity(run: Path, data: Path | None, windows: int, out: Path, as_json: bool) -> None:
    """Say which layer of RUN's network loses what in int8 and int16x8, and what calibration does to it.

    Each layer is computed in integers alone, and as the only one that is not; sets of 25 to 400 calibration
    windows, chosen evenly, by chance, and with some amplified, are compared; the engine's debug build counts
    where values are cut off. All on validation repetitions.

    \b
    Example:
      myofin sensitivity out/run --out out/sensitivity
      myofin sensitivity out/run --data recordings/ --windows 500 --out out/sensitivity
    """
    from myofin.artifacts import new_artifact, write_manifest
    from myofin.convert.run import read_run
    from myofin.convert.sensitivity import study_sensitivity
    from myofin.convert.sensitivity_page import render_sensitivity, summary

    with progress_bar() as progress, new_artifact(out, "sensitivity") as folder:
        document = study_sensitivity(run, data, windows, progress=progress)
        (folder / "sensitivity.html").write_text(render_sensitivity(document), encoding="utf-8")
        write_manifest(
            folder,
            "sensitivity",
            document,
            arguments={"run": str(run), "data": str(data) if data else None, "windows": windows},
            inputs={"run.json": read_run(run).manifest.sha256},
        )
    emit(as_json, document, f"{summary(document)}\npage: {out / 'sensitivity.html'}")
