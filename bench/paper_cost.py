"""What the paper's procedure costs on all of Ninapro DB2: counted, and timed on a few of its steps here.

    python bench/paper_cost.py [--windows 75]

Multiplications are counted from sizes alone: 40 subjects, 17 movements x 6 repetitions of 5 s, a window each
10 ms. The rate of this machine is that of one gradient of the four full-size FINs on some windows; the
core-days that follow from it are an extrapolation, no measurement. Both methods (`paper-released`,
`paper-mended`) tune and test; the FINs are pre-trained once for both, once more for features 300 ms ahead.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass

import numpy as np

from myofin.features import FEATURE_NAMES
from myofin.train.paper_network import FinFunctions, PaperConfig, initial_fins

SAMPLES, CHANNELS, CLASSES = 600, 12, 17
TRIAL_SAMPLES, HOP_SAMPLES = 10_000, 20
KNOWN, NEW = 25, 15
FIN_REPETITIONS, TEST_REPETITIONS = 3, 2
# A gradient costs twice what the outputs do; the tuning computes the outputs once more to bound its memory.
PULL, TUNE = 3, 4
GIGA = 1e9


@dataclass(frozen=True)
class Cost:
    """Of the 48 FINs and the CNN: numbers to train, and multiplications of the outputs of one window."""

    parameters: int
    macs_of_window: int


def cnn_cost(config: PaperConfig) -> Cost:
    """The CNN of `paper_network.make_head`."""
    rows, columns, features = CHANNELS, config.copies, len(FEATURE_NAMES)
    first, second = 9 * features * 32, 9 * 32 * 64
    last = (rows // 4) * (columns // 4) * 64 * CLASSES
    parameters = first + 32 + 2 * 32 + second + 64 + 2 * 64 + last + CLASSES
    return Cost(parameters, rows * columns * first + (rows // 2) * (columns // 2) * second + last)


def fins_cost(config: PaperConfig, *, whole_last_layer: bool, biases: int) -> Cost:
    """48 FINs; with or without the forward half of the last layer, which nothing reads."""
    parameters = macs = 0
    for layer in range(config.layers):
        inputs = 2 * config.units if layer else 1
        directions = 1 if layer == config.layers - 1 and not whole_last_layer else 2
        kernel = 4 * config.units * (inputs + config.units)
        macs += directions * kernel * SAMPLES
        parameters += directions * (kernel + biases * 4 * config.units)
    networks = CHANNELS * len(FEATURE_NAMES)
    linear = config.units * config.copies
    return Cost(networks * (parameters + linear + config.copies), networks * (macs + linear))


def released_cost() -> Cost:
    """As released: the unused half is there and computed, and PyTorch has two biases a gate."""
    config = PaperConfig()
    fins, cnn = fins_cost(config, whole_last_layer=True, biases=2), cnn_cost(config)
    return Cost(fins.parameters + cnn.parameters, fins.macs_of_window + cnn.macs_of_window)


def own_cost() -> Cost:
    """As computed here, with the same outputs."""
    config = PaperConfig()
    fins, cnn = fins_cost(config, whole_last_layer=False, biases=1), cnn_cost(config)
    return Cost(fins.parameters + cnn.parameters, fins.macs_of_window + cnn.macs_of_window)


def macs_of_steps() -> dict[str, float]:
    """Multiplications of each step of the procedure on all of DB2, at most (`up to 60 epochs`)."""
    config = PaperConfig()
    window = float(own_cost().macs_of_window)
    a_repetition = CLASSES * ((TRIAL_SAMPLES - SAMPLES) // HOP_SAMPLES + 1)
    taught = KNOWN * FIN_REPETITIONS * a_repetition
    test = TEST_REPETITIONS * a_repetition

    def subject(repetitions: int, tests: int) -> float:
        return window * (TUNE * config.tune_epochs * repetitions * a_repetition + tests * test)

    released, mended = config.tune_epochs, 2  # the features before the tuning, and the decisions after it
    return {
        "four FINs, 60 epochs": window * PULL * config.fin_epochs * taught,
        "tuning of one of subjects 1-25, both methods": subject(1, released) + subject(1, mended),
        "tuning of one of subjects 26-40, both methods": subject(4, released) + subject(4, mended),
    }


def macs_per_core_second(windows: int) -> float:
    """Of this machine, in one gradient of the four FINs on some windows of one channel, after a first one.

    Time of the processor, not of the clock: other work beside it does not count.
    """
    from myofin.train.tensorflow_setup import load_tensorflow

    config = PaperConfig()
    modules = load_tensorflow(gpu=True)
    functions = FinFunctions(modules, config, len(FEATURE_NAMES) * windows)
    rng = np.random.default_rng(0)
    weights = [modules[0].constant(weight) for weight in initial_fins(config, len(FEATURE_NAMES), rng)]
    signal = rng.standard_normal((len(FEATURE_NAMES), windows, SAMPLES)).astype(np.float32)
    targets = np.zeros((len(FEATURE_NAMES), windows, config.copies), np.float32)
    functions.imitated(weights, signal, targets)
    began = time.process_time()
    functions.imitated(weights, signal, targets)
    fins = fins_cost(config, whole_last_layer=False, biases=1).macs_of_window / CHANNELS
    return PULL * windows * fins / (time.process_time() - began)


def main() -> int:
    """Print the counts, and the core-days at the rate of this machine."""
    parser = argparse.ArgumentParser(description="What the paper's procedure costs on all of Ninapro DB2.")
    parser.add_argument("--windows", type=int, default=75, help="In the timed gradient.")
    chosen = parser.parse_args()
    lines = [
        f"{name}: {cost.parameters:,} parameters, {cost.macs_of_window / GIGA:.2f} G multiplications a window"
        for name, cost in (("as released", released_cost()), ("as computed here", own_cost()))
    ]
    rate = macs_per_core_second(chosen.windows)
    lines.append(f"this machine: {rate / GIGA:.2f} G multiplications a second of a core")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    lines.append(f"peak memory with that gradient, TensorFlow and all: {peak:.1f} GB")
    steps = macs_of_steps()
    for name, macs in steps.items():
        lines.append(f"{name}: {macs:.2e} multiplications, {macs / rate / 86_400:,.1f} core-days here")
    pretraining, known, new = steps.values()
    for name, pretrainings in (("without labels ahead", 1), ("with those 300 ms ahead as well", 2)):
        whole = pretrainings * (pretraining + KNOWN * known + NEW * new)
        lines.append(f"all of DB2 {name}: {whole:.2e}, {whole / rate / 86_400:,.0f} core-days here")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
