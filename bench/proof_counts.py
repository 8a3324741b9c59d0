"""What every proof is given and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from myofin.progress import Progress, silent

ROOT = Path(__file__).resolve().parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"
FIXTURES = ROOT / "tests" / "data"


@dataclass(frozen=True)
class Settings:
    """How to run a proof.

    Attributes:
        scratch: A folder of the proof's own, for firmware and findings.
        models: A folder for trained models, which the proofs of one run share.
        data: Recordings, laid out as ``3dc/*.npz`` and ``ninapro_db5/``; generated ones where it is absent.
        small: The same comparisons on fewer inputs, as ``make test`` runs them.
        seed: Of every random choice.
        progress: Told how far a long proof is.
    """

    scratch: Path
    models: Path
    data: Path = REAL_DATA
    small: bool = False
    seed: int = 0
    progress: Progress = silent

    def size(self, full: int, small: int) -> int:
        """The number of inputs for this run."""
        return small if self.small else full


@dataclass(frozen=True)
class Count:
    """One line of a result: ``compared`` things, of which ``differing`` were not as they must be."""

    what: str
    compared: int
    differing: int
    note: str = ""


def fixture_channels(name: str) -> int:
    """Channels of a model fixture: the number in the first word of its name."""
    return int("".join(filter(str.isdigit, name.partition("_")[0])))


Proof = Callable[[Settings], list[Count]]
