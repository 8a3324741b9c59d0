"""Settings of a training that takes seconds, for tests that need its results and not its quality."""

from myofin.train.config import TrainConfig

FEW_WINDOWS = TrainConfig(
    finetune_epochs=1,
    finetune_windows=64,
    varied_windows=60,
    max_windows=300,
    max_test_windows=150,
    amplified_windows=60,
)
