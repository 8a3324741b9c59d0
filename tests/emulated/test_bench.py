"""``bench/run.py`` measures the benchmark model on a board, and says what it measured."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    *("model", "board", "engine", "mode", "scheme", "instructions", "macs"),
    *("code_bytes", "const_bytes", "ram_bytes", "stack_bytes"),
}


def test_the_benchmark_model_is_measured(tmp_path):
    which = ("--board", "mps2-an386", "--model", "lstm48", "--engine", "c")
    command = [sys.executable, ROOT / "bench" / "run.py", *which]
    done = subprocess.run([*command, "--out", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "results.json").read_text())
    measured = [(row["scheme"], row["mode"]) for row in rows]
    assert measured[:3] == [("int8", "window"), ("int8", "hop"), ("float32", "window")]
    assert measured[3:] == [("int16x8", "window"), ("int16x8", "hop")]
    assert all(set(row) >= KEYS for row in rows)
    assert {row["macs"] for row in rows} == {1_659_696}
    assert {(row["model"], row["board"], row["engine"]) for row in rows} == {("lstm48", "mps2-an386", "c")}
    assert {row["outputs_differing"] for row in rows} == {0}
    assert all(row["instructions"] > rows[0]["instructions"] for row in rows[2:4])
    full, hop = rows[:2]
    assert hop["ram_bytes"] >= full["ram_bytes"] + 7200, "the window of codes is the input in mode window"
    assert 55_296 + 816 < full["const_bytes"] < 70_000, "at least the weights"
    assert 500 < full["code_bytes"] < 10_000
    page = (tmp_path / "results.md").read_text()
    assert f"{full['instructions']:,}" in page
