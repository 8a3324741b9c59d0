"""Facts of the networks as candidates, as one JSON document; run in a process of its own, for TensorFlow."""

import json
import sys
from pathlib import Path

from evaluation_cases import jobs_on, write_subjects

from myofin.train.config import TrainConfig
from myofin.train.evaluate import compute, make_items
from myofin.train.network_candidates import NetworkCandidate, pooled_fin
from myofin.train.tasks import make_task

SMALL = TrainConfig(
    epochs=2,
    epoch_windows=1_000,
    finetune_epochs=1,
    finetune_windows=64,
    varied_windows=60,
    amplified_windows=60,
    max_windows=300,
    max_test_windows=150,
    units=6,
    embedding=8,
    calibration_windows=80,
)


def main() -> None:
    import myofin.train.network_candidates as candidates

    folder = Path(sys.argv[1])
    write_subjects(folder / "data")
    candidates.make = lambda name: NetworkCandidate(name, SMALL)  # type: ignore[assignment]
    document = {}
    rotated, zero_shot = (
        jobs_on(folder / "data", protocol, ("frozen-fin",))[0] for protocol in ("rotation", "loso")
    )
    for name, job in (("rotation", rotated), ("loso", zero_shot)):
        document[name] = compute(make_items([job], folder / "work")[0])
    cached = sorted((folder / "work" / "cache").glob("fin-*.npz"))
    stamps = [file.stat().st_mtime_ns for file in cached]
    task, _ = make_task(rotated, cache=folder / "work" / "cache")
    pooled_fin(task, candidates.dataset_of(task, SMALL), SMALL)
    document["reused"] = [file.stat().st_mtime_ns for file in cached] == stamps
    document["fins"] = len(cached)
    sys.stdout.write(json.dumps(document))


if __name__ == "__main__":
    main()
