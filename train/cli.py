"""``myofin train``: recordings to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option, progress_bar, seed_option
from myofin.train.config import TrainConfig

_DEFAULT = TrainConfig()


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Recording, or folder of them.")
@click.option("--subject", default=None, help="Which subject, where the folder has several.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option(
    "--epochs", type=int, default=_DEFAULT.epochs, show_default=True, help="Epochs of the pre-training."
)
@click.option(
    "--units", type=int, default=_DEFAULT.units, show_default=True, help="LSTM units, shared by all channels."
)
@click.option(
    "--dc-blocker-shift",
    type=int,
    default=_DEFAULT.dc_shift,
    show_default=True,
    help="DC blocker with a time constant of 2^K samples; 0 is off.",
)
@seed_option
@json_option
def train(
    data: Path,
    subject: str | None,
    out: Path,
    epochs: int,
    units: int,
    dc_blocker_shift: int,
    seed: int,
    as_json: bool,
) -> None:
    """Train the LSTM-FIN and its movement head on one subject's recording.

    The LSTM learns to imitate four closed-form features (entropy, RMS, variance, simple square integral); the
    head starts as LDA's solution on them. Repetitions train, validate and test; the test repetitions choose
    nothing. Leaves the model, metrics.json and curves under --out.

    \b
    Example:
      myofin train --data recordings/ --subject 1 --out out/run
    """
    config = TrainConfig(seed=seed, epochs=epochs, units=units, dc_shift=dc_blocker_shift)
    from myofin.train.pipeline import train_run

    with progress_bar() as progress:
        metrics = train_run(data, subject, out, config, progress=progress)
    emit(as_json, {"run": str(out), "metrics": metrics}, summary(out, metrics))


def summary(out: Path, metrics: dict[str, Any]) -> str:
    """Return the sentences that end a training."""
    accuracy, baseline = metrics["accuracy"], metrics["lda_closed_form"]["test"]
    r2 = ", ".join(f"{name} {_number(scores['log'])}" for name, scores in metrics["feature_r2"].items())
    tuned = metrics["fine_tune"]
    kept = f"kept epoch {tuned['kept_epoch']}" if tuned["kept_epoch"] else "no gain on validation, not kept"
    return (
        f"{out}: trained in {sum(metrics['seconds'].values()):.0f} s\n"
        f"log R² on test repetitions: {r2}\n"
        f"accuracy train {accuracy['train']:.3f}, validation {accuracy['validation']:.3f},"
        f" test {accuracy['test']:.3f} (chance {metrics['chance']:.3f},"
        f" LDA on the closed form {baseline:.3f})\n"
        f"fine-tuning: {kept}"
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
