"""Memory does not grow with the subjects, on short files of DB2's shape."""

import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench" / "memory.py"


def test_memory_stays_when_subjects_come() -> None:
    command = [sys.executable, str(BENCH), "--subjects", "3", "--minutes", "1.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    peaks = [int(found) for found in re.findall(r"peak (\d+) MB", done.stdout)]
    assert len(peaks) == 3 and max(peaks) < 1024
