"""``myofin train``: recordings to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option, progress_bar, seed_option
from myofin.train.config import FEATURES_BY, FeaturesBy, TrainConfig
from myofin.train.network_shape import LAYOUTS, Layout

_DEFAULT = TrainConfig()


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Recording, or folder of them.")
@click.option("--subject", default=None, help="Which subject, where the folder has several.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option(
    "--epochs", type=int, default=_DEFAULT.epochs, show_default=True, help="Epochs of the pre-training."
)
@click.option("--units", type=int, default=_DEFAULT.units, show_default=True, help="LSTM units.")
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default=_DEFAULT.layout,
    show_default=True,
    help="One LSTM that all channels share, or a joint one that takes them all at once.",
)
@click.option(
    "--fin", type=click.Path(path_type=Path), default=None, help="Run whose pre-trained FIN is taken over."
)
@click.option(
    "--features-by",
    type=click.Choice(FEATURES_BY),
    default=_DEFAULT.features_by,
    show_default=True,
    help="An LSTM that imitates the features, or integer arithmetic that computes them.",
)
@click.option(
    "--features",
    default=",".join(_DEFAULT.features),
    show_default=True,
    help="Imitated features; the paper's entropy,rms,var,ssi come first.",
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
    layout: Layout,
    fin: Path | None,
    features_by: FeaturesBy,
    features: str,
    dc_blocker_shift: int,
    seed: int,
    as_json: bool,
) -> None:
    """Train the LSTM-FIN and its movement head on one subject's recording.

    The LSTM learns to imitate closed-form features (entropy, RMS, variance, simple square integral, and six
    more); the head starts as LDA's solution on them, and both are then tuned together. Repetitions train,
    validate and test; the test repetitions choose nothing. With --fin the imitation is not learnt again: it
    holds for every recording of the same rate (and, with --layout joint, with as many channels). Leaves the
    model, metrics.json and curves under --out.

    With --features-by arithmetic there is no LSTM: the board computes the features, and LDA is the head.

    \b
    Example:
      myofin train --data recordings/ --subject 1 --out out/run
    """
    names = tuple(name.strip() for name in features.split(","))
    config = TrainConfig(
        seed=seed,
        features_by=features_by,
        epochs=epochs,
        units=units,
        layout=layout,
        features=names,
        dc_shift=dc_blocker_shift,
    )
    from myofin.train.pipeline import train_run

    with progress_bar() as progress:
        metrics = train_run(data, subject, out, config, start=fin, progress=progress)
    emit(as_json, {"run": str(out), "metrics": metrics}, summary(out, metrics))


def summary(out: Path, metrics: dict[str, Any]) -> str:
    """Return the sentences that end a training."""
    accuracy, head = metrics["accuracy"], metrics["head"]
    r2 = ", ".join(f"{name} {_number(scores['log'])}" for name, scores in metrics["feature_r2"].items())
    baselines = ", ".join(f"{name} {row['test']:.3f}" for name, row in metrics["lda_closed_form"].items())
    tuned = "kept" if head["kept"] else "not kept: validation spoke against it, or it was left out"
    return (
        f"{out}: trained in {sum(metrics['seconds'].values()):.0f} s\n"
        f"log R² on test repetitions: {r2}\n"
        f"accuracy train {accuracy['train']:.3f}, validation {accuracy['validation']:.3f} (trained on in the"
        f" end, {head['before']:.3f} before), test {accuracy['test']:.3f} (chance {metrics['chance']:.3f})\n"
        f"on the closed form: {baselines}\n"
        f"fine-tuning: {tuned}"
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
