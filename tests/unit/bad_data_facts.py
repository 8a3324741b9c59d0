"""What training says of every faulty recording, as one JSON document; in a process of its own."""

import contextlib
import io
import json
import sys
from pathlib import Path

from bad_data_cases import FAULTS, spoiled

from myofin.cli import run


def main() -> None:
    folder = Path(sys.argv[1])
    found = {}
    for fault in FAULTS:
        file, _ = spoiled(fault, folder)
        told = io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
            code = run(["train", "--data", str(file), "--out", str(folder / "run"), "--epochs", "1"])
        found[fault] = (code, told.getvalue())
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
