"""``myofin data``: say what recordings are there and what is wrong with them, or make synthetic ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option, progress_bar, seed_option
from myofin.errors import EXIT_BAD_INPUT, InputError, RecordingError
from myofin.recordings.check import check_recording
from myofin.recordings.load import list_subjects, load_recording
from myofin.recordings.model import REST, Finding, Recording
from myofin.recordings.sources import SOURCES
from myofin.recordings.synthetic import SyntheticConfig, write_synthetic


@click.group()
def data() -> None:
    """Check recordings, or make synthetic ones.

    \b
    Example:
      myofin data check recordings/
      myofin data synth --out recordings/synthetic.npz
    """


@data.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--subject", help="Only this subject, such as 1 or S1.")
@json_option
@click.pass_context
def check(context: click.Context, path: Path, subject: str | None, as_json: bool) -> None:
    """Say what recordings are at PATH and what is wrong with them.

    The exit code is 2 where something forbids training, else 0.

    \b
    Example:
      myofin data check ../shared/data/ninapro_db5 --subject 1
    """
    subjects = [subject] if subject is not None else list_subjects(path)
    reports = [_report(path, one, only=subject is not None) for one in subjects]
    failed = any(finding["severity"] == "error" for report in reports for finding in report["findings"])
    document = {"path": str(path), "ok": not failed, "recordings": reports}
    emit(as_json, document, "\n\n".join(map(_as_text, reports)) + "\n\n" + _verdict(reports))
    if failed:
        context.exit(EXIT_BAD_INPUT)


@data.command("fetch-info")
@json_option
def fetch_info(as_json: bool) -> None:
    """Say where to get the data sets, under which licence, and what to cite; nothing is downloaded.

    \b
    Example:
      myofin data fetch-info
    """
    text = "\n\n".join(
        f"{source.name}: {source.title}\n  where     {source.where}\n  files     {source.files}\n"
        f"  licence   {source.licence}\n  cite      {source.citation}"
        for source in SOURCES
    )
    emit(as_json, {"sources": [asdict(source) for source in SOURCES]}, text)


@data.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .npz file to write.")
@click.option("--subject", type=int, default=1, show_default=True, help="Whose anatomy.")
@click.option("--channels", type=int, default=12, show_default=True, help="Electrodes in the ring.")
@click.option("--rate-hz", type=int, default=2000, show_default=True, help="Samples a second.")
@click.option("--movements", type=int, default=17, show_default=True, help="Movements beside rest.")
@click.option("--repetitions", type=int, default=6, show_default=True, help="Of each movement.")
@click.option("--movement-s", type=float, default=5.0, show_default=True, help="Seconds of a repetition.")
@click.option("--rest-s", type=float, default=3.0, show_default=True, help="Seconds of rest after it.")
@seed_option
@json_option
def synth(out: Path, as_json: bool, **settings: Any) -> None:
    """Make a synthetic recording, laid out like Ninapro: equal settings give equal files.

    \b
    Example:
      myofin data synth --out out/synthetic/s1.npz --subject 1 --movement-s 1.5 --rest-s 0.5
    """
    config = SyntheticConfig(**settings)
    _check_replaceable(out)
    with progress_bar() as progress:
        recording = write_synthetic(out, config, progress)
    document = {"path": str(out), **_facts(recording), "source": out.name}
    text = (
        f"{out}: subject {recording.subject}, {_signal_line(document)}, {len(recording.classes())} movements."
    )
    emit(as_json, document, text)


def _check_replaceable(out: Path) -> None:
    if out.suffix.lower() != ".npz":
        raise InputError(f"{out} does not end in .npz.", hint="Name the file, such as --out synthetic.npz.")
    if not out.exists():
        return
    try:
        ours = load_recording(out).dataset == "synthetic"
    except RecordingError:
        ours = False
    if not ours:
        raise InputError(
            f"{out} exists and is not a synthetic recording that myofin wrote.",
            hint="Give --out another name, or move that file away.",
        )


def _report(path: Path, subject: str, *, only: bool) -> dict[str, Any]:
    """Return facts and findings of one subject; a file that cannot be read is an error finding."""
    try:
        recording = load_recording(path, subject if only or path.is_dir() else None)
    except RecordingError as error:
        if only and error.hint.startswith(("Choose", "Give --subject")):
            raise  # the subject asked for is not there: bad usage, and no finding about a recording
        return {"subject": subject, "findings": [_finding(Finding("error", error.message, error.hint))]}
    return {**_facts(recording), "findings": [_finding(finding) for finding in check_recording(recording)]}


def _finding(finding: Finding) -> dict[str, str]:
    return {"severity": finding.severity, "sentence": finding.sentence, "hint": finding.hint}


def _facts(recording: Recording) -> dict[str, Any]:
    names = recording.class_names or {}
    trials: dict[int, Counter[int]] = {label: Counter() for label in recording.classes()}
    for trial in recording.trials():
        label = int(recording.labels[trial.start])
        if label != REST:
            trials[label][int(recording.repetitions[trial.start])] += trial.stop - trial.start
    return {
        "subject": recording.subject,
        "source": recording.source,
        "dataset": recording.dataset,
        "rate_hz": recording.rate_hz,
        "channels": recording.channels,
        "samples": int(recording.counts.shape[0]),
        "duration_s": round(recording.duration_s, 3),
        "unit": recording.unit,
        "counts_per_unit": recording.counts_per_unit,
        "repetitions": list(recording.repetitions_present()),
        "movements": [
            {
                "label": label,
                "name": names.get(label, ""),
                "seconds": {str(rep): round(n / recording.rate_hz, 2) for rep, n in sorted(numbers.items())},
            }
            for label, numbers in trials.items()
        ],
        "sha256": dict(recording.sha256s),
    }


def _signal_line(facts: dict[str, Any]) -> str:
    return f"{facts['channels']} channels at {facts['rate_hz']} Hz, {facts['duration_s']:.1f} s"


def _as_text(report: dict[str, Any]) -> str:
    lines = [f"subject {report['subject']}"]
    if "source" in report:
        lines += [
            f"  file      {report['source']} ({report['dataset']})",
            f"  signal    {_signal_line(report)}",
            f"  scale     {report['counts_per_unit']:.6g} counts per {report['unit']}",
            *_movement_table(report),
        ]
    findings = report["findings"] or [{"severity": "ok", "sentence": "Nothing is wrong with it.", "hint": ""}]
    return "\n".join([*lines, *(_finding_line(finding) for finding in findings)])


def _movement_table(report: dict[str, Any]) -> list[str]:
    """Draw seconds of each movement (rows) in each repetition (columns)."""
    repetitions = [str(number) for number in report["repetitions"]]
    rows = ["  seconds of  repetition" + "".join(f"{number:>7}" for number in repetitions)]
    for movement in report["movements"]:
        name = f"{movement['label']:>4} {movement['name'][:17]}"
        cells = (movement["seconds"].get(number) for number in repetitions)
        rows.append(
            f"  {name:<22}" + "".join("      -" if cell is None else f"{cell:7.2f}" for cell in cells)
        )
    return rows


def _finding_line(finding: dict[str, str]) -> str:
    fix = f"\n            fix: {finding['hint']}" if finding["hint"] else ""
    return f"  {finding['severity']:<9} {finding['sentence']}{fix}"


def _verdict(reports: list[dict[str, Any]]) -> str:
    every = Counter(finding["severity"] for report in reports for finding in report["findings"])
    told = ", ".join(
        f"{severity}s: {every[severity]}" for severity in ("error", "warning") if every[severity]
    )
    noun = "recording" if len(reports) == 1 else "recordings"
    usable = "not usable as it is" if every["error"] else "usable"
    return f"{len(reports)} {noun}: {usable}{' (' + told + ')' if told else ''}."
