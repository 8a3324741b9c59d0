"""``myofin compare``: two reports, what changed, and whether chance explains it."""

from __future__ import annotations

from pathlib import Path

import click

from myofin.artifacts import new_artifact, sha256_file, write_manifest
from myofin.console import emit, json_option
from myofin.errors import EXIT_CHECK_FAILED


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--fail-on-regression", is_flag=True, help="Exit code 1 when something got worse.")
@click.option(
    "--allow-percent",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="By how much a cost may rise before it counts as worse.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for comparison.json and compare.html.")
@json_option
@click.pass_context
def compare(
    context: click.Context,
    a: Path,
    b: Path,
    fail_on_regression: bool,
    allow_percent: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Compare two reports of `validate` or `stream`: what changed from A to B, and is it more than chance?

    Each is a folder, or its report.json alone. Where both judged the same windows, accuracies are compared
    window by window. Reports of other boards, networks or data are compared too, and the difference is said.

    \b
    Example:
      myofin compare out/before out/after
      myofin compare out/before out/after --fail-on-regression --allow-percent 1 --out out/compare
    """
    from myofin.firmware_bridge.compare import compare_reports
    from myofin.firmware_bridge.compare_page import render_comparison, table_text
    from myofin.firmware_bridge.compare_read import read_report, report_file

    document = compare_reports(read_report(a), read_report(b), allow_percent)
    if out is not None:
        with new_artifact(out, "comparison") as folder:
            (folder / "compare.html").write_text(render_comparison(document), encoding="utf-8")
            write_manifest(
                folder,
                "comparison",
                document,
                arguments={"a": str(a), "b": str(b), "allow_percent": allow_percent},
                inputs={name: sha256_file(report_file(path)) for name, path in (("a", a), ("b", b))},
            )
    text = table_text(document)
    emit(as_json, document, text if out is None else f"{text}\npage: {out / 'compare.html'}")
    if fail_on_regression and document["regressions"]:
        context.exit(EXIT_CHECK_FAILED)
