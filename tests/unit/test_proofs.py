"""The proofs of ``make proof`` on fewer inputs, and that they would see what they look for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from engine_cases import CHANNELS, INT16_MODELS, model

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import fuzz_watch
import proof_sanitizers
import proof_windows
from fuzz_child import attempt, samples
from fuzz_mutations import MUTATIONS, mutant
from fuzz_slots import find_slots
from proof import PROOFS, main, merged
from proof_counts import Count, Settings
from proof_page import page

from myofin.convert.executors import Outputs
from myofin.convert.flatbuffer import read_model
from myofin.convert.oracle import bundle_oracle
from myofin.errors import ModelError

LEAST = {"windows": 300, "sliding": 2_000, "fuzz": 5_004, "sanitizers": 3}


def settings(folder: Path) -> Settings:
    return Settings(folder, folder / "models", small=True)


@pytest.mark.parametrize("name", LEAST)
def test_proof(name: str, tmp_path: Path) -> None:
    if name == "windows":
        pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python")
    counts = PROOFS[name](settings(tmp_path))
    assert [count.differing for count in counts] == [0] * len(counts), counts
    assert sum(count.compared for count in counts) >= LEAST[name]


def test_without_recordings_generated_ones_are_used_and_named(tmp_path: Path) -> None:
    absent = Settings(tmp_path, tmp_path / "models", data=tmp_path / "nowhere", small=True)
    (count,) = proof_windows.sliding(absent)
    assert (count.differing, "GENERATED" in count.note) == (0, True)
    assert count.compared > 2_000


def test_a_difference_of_one_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Off:
        def __init__(self, content: bytes) -> None:
            self.tflm = tflm(content)

        def run(self, codes: Any) -> Outputs:
            found = self.tflm.run(codes)
            found.logits[7, 0] ^= 1
            return found

    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python")
    tflm = proof_windows.TflmExecutor
    monkeypatch.setattr(proof_windows, "TflmExecutor", Off)
    monkeypatch.setattr(proof_windows, "FIXTURES_SMALL", ("shared2_one_sample",))
    (count,) = proof_windows.windows(settings(tmp_path))
    assert (count.compared, count.differing) == (150, 1)


def test_crashes_hangs_and_foreign_errors_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import json, os, signal, sys, time\n"
        "_, first, step, limit = map(int, sys.argv[1:5])\n"
        "for i in range(first, limit, step):\n"
        "    print(json.dumps(['begin', i, 'bits']), flush=True)\n"
        "    if i == 3: os.abort()\n"
        "    if i == 4: os.kill(os.getpid(), signal.SIGPROF)\n"
        "    if i == 5: time.sleep(60)\n"
        "    outcome = 'exception' if i == 6 else 'refused'\n"
        "    print(json.dumps(['end', i, outcome, 1, 'why']), flush=True)\n"
    )
    monkeypatch.setattr(fuzz_watch, "CHILD", child)
    monkeypatch.setattr(fuzz_watch, "SILENCE_S", 2.0)
    tally = fuzz_watch.Watch(0, 0, 1, 10, tmp_path, lambda: None).run()
    assert tally.outcomes == {"refused": 6, "crash": 1, "hang": 2, "exception": 1}
    assert sorted(tally.findings) == [3, 4, 5, 6]


def test_a_child_that_does_not_start_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child.py"
    child.write_text("raise SystemExit('broken')\n")
    monkeypatch.setattr(fuzz_watch, "CHILD", child)
    with pytest.raises(RuntimeError, match="broken"):
        fuzz_watch.Watch(0, 0, 1, 10, tmp_path, lambda: None).run()


def test_an_error_that_is_not_ours_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(content: bytes) -> None:
        raise RecursionError

    sample = samples()[0]
    monkeypatch.setattr("fuzz_child.read_model", fail)
    assert attempt(sample, b"", tmp_path)[0] == "exception"


def test_every_sample_is_a_model_before_it_is_damaged(tmp_path: Path) -> None:
    assert {attempt(sample, sample.content, tmp_path)[0] for sample in samples()} == {"accepted"}


def test_mutants_are_deterministic_and_of_every_kind() -> None:
    models = samples()
    made_by_tests = set(INT16_MODELS)  # no files: they are quantized from float fixtures
    assert {sample.name for sample in models} >= set(CHANNELS) - made_by_tests
    some = [mutant(models, 1, index) for index in range(300)]
    assert some == [mutant(models, 1, index) for index in range(300)]
    assert {kind for _, kind, _ in some} == set(MUTATIONS)
    assert sum(content == sample.content for sample, _, content in some) < 30


def test_slots_are_where_the_reader_finds_the_values() -> None:
    content = model("joint4_plain")
    shapes = [slot for slot in find_slots(content) if slot.kind == "shape"]
    values = [int.from_bytes(content[slot.position :][:4], "little") for slot in shapes]
    assert values == [size for tensor in read_model(content).tensors for size in tensor.shape]


def test_a_damaged_model_never_reaches_the_oracle() -> None:
    content = bytearray(model("joint4_plain"))
    bundle: Any = SimpleNamespace(model=lambda: bytes(content[:-700]), engine_folder=Path("nowhere"))
    with pytest.raises(ModelError):
        bundle_oracle(bundle)


def test_sanitizers_that_did_not_run_are_no_result(tmp_path: Path) -> None:
    counts = proof_sanitizers.run_tests(settings(tmp_path), ("test_layers.py::test_no_such_test",))
    assert counts.get("tests passed", 0) == 0


def test_the_page_and_the_rows_of_earlier_runs(tmp_path: Path) -> None:
    row = {
        "what": "windows",
        "compared": 12_000,
        "differing": 0,
        "note": "",
        "small": False,
        "seconds": 3,
    }
    path = tmp_path / "proof.json"
    path.write_text(json.dumps([{"proof": "fuzz", **row}, {"proof": "windows", **row, "compared": 1}]))
    rows = merged(path, [{"proof": "windows", **row}])
    assert [(one["proof"], one["compared"]) for one in rows] == [("windows", 12_000), ("fuzz", 12_000)]
    assert "| windows | windows | 12,000 | 0 | 3 |" in page(rows)


@pytest.mark.parametrize(("compared", "differing", "code"), [(2, 0, 0), (2, 1, 1), (0, 0, 1)])
def test_a_difference_or_nothing_compared_fails_the_command(
    compared: int, differing: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROOFS, "sliding", lambda _: [Count("hops", compared, differing)])
    done = CliRunner().invoke(main, ["--small", "sliding", "--out", str(tmp_path)])
    assert done.exit_code == code, done.output
    (row,) = json.loads((tmp_path / "proof.json").read_text())
    assert (row["compared"], row["differing"], row["small"]) == (compared, differing, True)
    assert f"| {compared} | {differing} |" in done.output
