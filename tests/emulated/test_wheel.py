"""The wheel in an empty environment, without the train extra, validates a bundle that is already there."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_alone_validates_a_bundle(small_bundle, tmp_path):
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, "-w", tmp_path, ROOT], check=True, capture_output=True)
    (built,) = tmp_path.glob("myofin-*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "empty"], check=True)
    python = tmp_path / "empty" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", built], check=True, capture_output=True)
    absent = "import importlib.util as u; print([m for m in ('tensorflow', 'keras') if u.find_spec(m)])"
    done = subprocess.run([python, "-c", absent], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

    verb = ["validate", small_bundle, "--board", "mps2-an386", "--windows", "20"]
    command = [python.with_name("myofin"), *verb, "--out", tmp_path / "report", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bit_exact"] == {"codes": 20, "features": 20, "logits": 20}
