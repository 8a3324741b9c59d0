"""The settings of a training, in one frozen place; they are written into the run's manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from myofin.errors import InputError
from myofin.features import FEATURE_NAMES, check_names
from myofin.frontend import CLIP_DEFAULT_SD, MU_DEFAULT
from myofin.train.network_shape import LAYOUTS, Layout

FeaturesBy = Literal["lstm", "arithmetic"]
FEATURES_BY: tuple[FeaturesBy, ...] = get_args(FeaturesBy)

# Beside the paper's four: what carries the frequency content, and level without the weight of peaks.
# docs/experiments.md has what else was tried.
RICH_FEATURES = (*FEATURE_NAMES, "mav", "wl", "rms_d1", "rms_d2", "ld", "rms_lag2")


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Counts have no unit; a hop is 10 ms.

    Attributes:
        seed: Seeds weights, batches and every other choice of chance.
        features_by: Whether an LSTM imitates the features, or integer arithmetic computes them; then sizes,
            epochs and tuning mean nothing.
        features: Names of the imitated features; the paper's four come first.
        layout: Whether all channels share one LSTM, or a joint one takes them all at once: it then imitates
            the features of recordings with these channels alone.
        units: LSTM units.
        embedding: Width of the embedding of one sample.
        embedding_layers: Its layers.
        taps: Samples that the first of them spans, 1 or 3.
        frame_hops: Hops of 10 ms that one step of the LSTM takes together; it divides 30.
        epochs: Passes of the pre-training, each over ``epoch_windows`` sequences.
        epoch_windows: Sequences of one pass, drawn anew for each: windows of single channels, or of all where
            the layout is joint.
        int8_share: Share of these passes, the last ones, that compute in eight bits as the int8 network will;
            the head is then fitted to such features. 0 leaves it out.
        batch: Sequences of one step.
        learning_rate: Of Adam at the start; it falls to 0 along a cosine.
        finetune_epochs: Passes in which the network and its head are tuned together; 0 leaves it out.
        finetune_windows: Windows (all channels) of one such pass, drawn anew for each; half are varied.
        finetune_learning_rate: Of Adam there.
        finetune_tolerance: The tuning is dropped where validation accuracy falls by more than this.
        finetune_feature_loss: It is dropped too where the imitated features' error grows to more than so many
            times what it was.
        varied_windows: Training windows (all channels) added for the tuning, as of another session.
        label_smoothing: Share of each label given to all movements alike: windows at a movement's boundaries
            show two.
        imitation_weight: Weight of the features' mean squared error beside the cross-entropy.
        amplified_windows: Training windows (all channels) added with other amplitudes.
        max_windows: Most windows (all channels) held for training; evenly spaced over what there is.
        max_test_windows: Most windows measured on validation and on test repetitions, each.
        golden_windows: Most test windows kept in the run for conversion and validation.
        calibration_windows: Training windows kept in the run for quantization, one in four of them amplified.
        dc_shift: Of the front end's DC blocker; 0 switches it off.
        mu: Strength of the front end's companding.
        clip_sd: Standard deviations of the training signal at which the codes end.
        refit: Whether head and tuning are done once more with the validation repetitions among the training
            windows. Without it, accuracy on validation repetitions is that of windows not trained on.
    """

    seed: int = 0
    features_by: FeaturesBy = "lstm"
    features: tuple[str, ...] = RICH_FEATURES
    layout: Layout = "shared"
    units: int = 24
    embedding: int = 20
    embedding_layers: int = 2
    taps: int = 3
    frame_hops: int = 10
    epochs: int = 18
    int8_share: float = 0.65
    epoch_windows: int = 40_000
    batch: int = 64
    learning_rate: float = 1.2e-2
    finetune_epochs: int = 3
    finetune_windows: int = 3_000
    finetune_learning_rate: float = 1e-4
    finetune_tolerance: float = 0.0
    finetune_feature_loss: float = 2.0
    varied_windows: int = 3_000
    label_smoothing: float = 0.1
    imitation_weight: float = 1.0
    amplified_windows: int = 4_000
    max_windows: int = 8_000
    max_test_windows: int = 3_000
    golden_windows: int = 256
    calibration_windows: int = 400
    dc_shift: int = 0
    mu: float = MU_DEFAULT
    clip_sd: float = CLIP_DEFAULT_SD
    refit: bool = True

    def __post_init__(self) -> None:
        check_names(self.features)
        if self.features[: len(FEATURE_NAMES)] != FEATURE_NAMES:
            raise InputError(
                f"The imitated features are {', '.join(self.features)}.",
                hint=f"Begin with the paper's four: {', '.join(FEATURE_NAMES)}.",
            )
        if self.features_by not in FEATURES_BY:
            raise InputError(
                f"features_by is {self.features_by!r}.", hint=f"Give one of {', '.join(FEATURES_BY)}."
            )
        if self.layout not in LAYOUTS:
            raise InputError(f"layout is {self.layout!r}.", hint=f"Give one of {', '.join(LAYOUTS)}.")
        limits = {
            "units": (self.units, 1, 256),
            "embedding": (self.embedding, 1, 256),
            "embedding_layers": (self.embedding_layers, 1, 2),
            "frame_hops": (self.frame_hops, 1, 10),
            "epochs": (self.epochs, 1, 10_000),
            "int8_share": (self.int8_share, 0, 1),
            "finetune_epochs": (self.finetune_epochs, 0, 10_000),
            "dc_shift": (self.dc_shift, 0, 15),
        }
        for name, (value, lowest, highest) in limits.items():
            if not lowest <= value <= highest:
                raise InputError(f"{name} is {value}.", hint=f"Give {name} from {lowest} to {highest}.")
        if self.taps not in (1, 3):
            raise InputError(f"taps is {self.taps}.", hint="Give taps 1 or 3.")
