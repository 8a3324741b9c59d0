"""Pre-trained FINs that are kept: what costs, and what many trainings can share, trained once.

A file is named by all that decides its content: settings, windows, recordings and the sources that compute.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from myofin.locks import locked
from myofin.progress import Progress, silent
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Scaling
from myofin.train.fin import Fin, pretrain_fin
from myofin.train.pretrain import EpochRow
from myofin.train.work import code_version, write_arrays

# What is set for the steps after the imitation and does not change a FIN.
_LATER = ("finetune_", "varied_windows", "label_smoothing", "imitation_weight", "golden_windows", "refit")


def kept_fin(
    folder: Path, pool: Sequence[Dataset], config: TrainConfig, progress: Progress = silent
) -> tuple[Fin, list[EpochRow]]:
    """Return the FIN of a pool of data sets, and the course of its training where it was trained now.

    Several processes may ask at once: one trains, the others wait for it. The data sets' order matters.

    Args:
        folder: Where FINs are kept; made if absent.
        pool: As for ``pretrain_fin``.
        config: Settings.
        progress: Told about the stage ``pre-train``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"fin-{_key(pool, config)}.npz"
    rows: list[EpochRow] = []
    with locked(path.with_suffix(".lock")):
        if not path.is_file():
            fin, rows = pretrain_fin(pool, config, progress)
            _save(path, fin)
    return _load(path), rows


def _key(pool: Sequence[Dataset], config: TrainConfig) -> str:
    settings = {name: value for name, value in asdict(config).items() if not name.startswith(_LATER)}
    digest = hashlib.sha256(json.dumps([settings, code_version()]).encode())
    for dataset in pool:
        digest.update(json.dumps(sorted(dataset.recording.sha256s.values())).encode())
        for part in (dataset.train, dataset.validation):
            digest.update(part.windows.starts.tobytes() + b"|")
    return digest.hexdigest()


def _save(path: Path, fin: Fin) -> None:
    facts = {"sizes": fin.sizes, "scaling": fin.scaling.to_json()}
    weights = {f"arr_{number}": weight for number, weight in enumerate(fin.weights)}
    write_arrays(path, weights | {"facts": np.array(json.dumps(facts))})


def _load(path: Path) -> Fin:
    with np.load(path, allow_pickle=False) as arrays:
        facts = json.loads(str(arrays["facts"]))
        weights = [arrays[f"arr_{number}"] for number in range(len(arrays.files) - 1)]
    return Fin(facts["sizes"], Scaling.from_json(facts["scaling"]), weights)
