"""What the paper's procedure does on tiny files, as one JSON document; in a process of its own."""

import json
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from paper_cases import paper_jobs, write_db2

from myofin.train import paper, paper_fin
from myofin.train.evaluate import compute, make_items
from myofin.train.paper_network import (
    FinFunctions,
    HeadShape,
    PaperConfig,
    PaperNetwork,
    fin_outputs,
    initial_fins,
)
from myofin.train.protocols import Job
from myofin.train.tasks import make_task

TINY = PaperConfig(
    units=3, layers=2, copies=4, fin_epochs=2, fin_batch=256, head_epochs=1, tune_epochs=2, batch=32
)


def main() -> None:
    folder = Path(sys.argv[1])
    write_db2(folder / "data")
    paper.make = lambda name: paper.PaperCandidate(name, TINY)  # type: ignore[assignment]
    paper._PAIRS = 1_200
    jobs = paper_jobs(folder / "data", ("paper-released", "paper-mended"))
    chosen = [jobs[index] for index in (1, 2, 7)]
    document: dict[str, Any] = {"jobs": [], "fins": []}
    for item in make_items(chosen, folder / "work"):
        document["jobs"].append(compute(item))
        document["fins"].append(len(list((folder / "work" / "cache").glob("paper-fin-*.npz"))))
    functions = paper._functions(TINY)
    document["against_keras"] = against_keras(functions)
    document["chunks"] = in_chunks(functions)
    document["gradient"] = finite_difference(functions)
    document |= of_a_network(functions)
    document["resumed"] = resumed(jobs[0], functions, folder / "cache")
    sys.stdout.write(json.dumps(document))


def against_keras(functions: FinFunctions) -> float:
    """Largest difference between our FINs and Keras's layers with the same weights."""
    tf, keras = functions.modules
    config = replace(TINY, layers=3)
    rng = np.random.default_rng(0)
    weights = initial_fins(config, 2, rng)
    signal = rng.standard_normal((2, 5, 12)).astype(np.float32)
    ours = fin_outputs(tf, [tf.constant(weight) for weight in weights], tf.constant(signal)).numpy()
    worst = 0.0
    for network in range(2):
        states = signal[network][..., np.newaxis]
        for layer in range(3):
            kernel, bias = weights[2 * layer][network], weights[2 * layer + 1][network]
            found = [
                one_direction(keras, states, kernel[place], bias[place], back, layer == 2)
                for place, back in enumerate((True,) if layer == 2 else (False, True))
            ]
            states = np.concatenate(found, axis=-1)
        expected = states @ weights[-2][network] + weights[-1][network]
        worst = max(worst, float(np.abs(ours[network] - expected).max()))
    return worst


def one_direction(
    keras: Any, states: np.ndarray, kernel: np.ndarray, bias: np.ndarray, back: bool, last: bool
) -> np.ndarray:
    layer = keras.layers.LSTM(TINY.units, return_sequences=not last, go_backwards=back)
    layer.build(states.shape)
    inputs = states.shape[-1]
    layer.set_weights([kernel[:inputs], kernel[inputs:], bias])
    found = layer(states).numpy()
    return found[:, ::-1] if back and not last else found


def in_chunks(functions: FinFunctions) -> float:
    """Largest relative difference of gradients computed in parts from those computed at once."""
    tf = functions.modules[0]
    rng = np.random.default_rng(1)
    weights = [tf.constant(weight) for weight in initial_fins(TINY, 4, rng)]
    signal, targets = (rng.standard_normal((4, 7, size)).astype(np.float32) for size in (10, TINY.copies))
    few = copy(functions)
    few._pairs_at_once = 8
    whole, parts = (which.imitated(weights, signal, targets) for which in (functions, few))
    loss = abs(whole[0] - parts[0]) / whole[0]
    scale = max(float(np.abs(gradient).max()) for gradient in whole[1])
    distance = max(float(np.abs(a - b).max()) for a, b in zip(whole[1], parts[1], strict=True))
    return max(loss, distance / scale)


def finite_difference(functions: FinFunctions) -> list[float]:
    """Change of the loss along its gradient, found by two more losses, and as the gradient says."""
    rng = np.random.default_rng(2)
    weights = initial_fins(TINY, 2, rng)
    signal, targets = (rng.standard_normal((2, 6, size)).astype(np.float32) for size in (10, TINY.copies))
    _, gradients = functions.imitated(weights, signal, targets)
    norm = float(np.sqrt(sum(np.square(gradient).sum() for gradient in gradients)))
    ahead, behind = (
        functions.imitated(
            [w + step * np.asarray(g) / norm for w, g in zip(weights, gradients, strict=True)],
            signal,
            targets,
        )[0]
        for step in (0.01, -0.01)
    )
    return [(ahead - behind) / 0.02, norm]


def of_a_network(functions: FinFunctions) -> dict[str, Any]:
    """Where its FINs' outputs go, and whether it learns two levels of noise."""
    functions.modules[1].utils.set_random_seed(0)
    rng = np.random.default_rng(3)
    fins = initial_fins(TINY, 4, rng)
    network = PaperNetwork(functions, fins, HeadShape(4, TINY.copies, 2))
    classes = np.arange(8) % 2
    signal = (rng.standard_normal((8, 10, 4)) * (1 + 4 * classes)[:, None, None]).astype(np.float32)
    singly = functions.outputs([weight[2:3] for weight in fins], signal[np.newaxis, :, :, 1])
    placed = float(np.abs(network.features(signal)[:, 1, 2] - singly[0].mean(axis=-1)).max())
    copies = np.arange(16 * 8 * TINY.copies, dtype=np.float32).reshape(16, 8, TINY.copies)
    back = bool(np.array_equal(network._unpicture(network._picture(copies)), copies))
    for _ in range(20):
        network.tune(signal, classes)
    learned = float(np.mean(network.logits(signal, training=True).argmax(axis=1) == classes))
    moved = float(np.abs(network.features(signal)[:, 1, 2] - singly[0].mean(axis=-1)).max())
    return {"placed": placed, "back": back, "learned": learned, "moved": moved}


def resumed(job: Job, functions: FinFunctions, cache: Path) -> dict[str, Any]:
    """A pre-training that is killed after its first epoch, and one that is not."""
    straight = paper_fin.paper_fin(make_task(job)[0], functions, TINY, 0)
    task, _ = make_task(job, cache=cache)
    save, saved = paper_fin._save, []

    def save_and_die(path: Path, state: Any) -> None:
        save(path, state)
        saved.append(state.fin.epochs)
        if len(saved) == 1:
            raise KeyboardInterrupt

    paper_fin._save = save_and_die  # type: ignore[assignment]
    try:
        paper_fin.paper_fin(task, functions, TINY, 0)
    except KeyboardInterrupt:
        saved.append(-1)
    again = paper_fin.paper_fin(task, functions, TINY, 0)
    equal = all(np.array_equal(a, b) for a, b in zip(straight.weights, again.weights, strict=True))
    return {"saved": saved, "equal": equal, "losses": again.losses}


if __name__ == "__main__":
    main()
