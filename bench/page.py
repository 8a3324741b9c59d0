"""The benchmark's rows as a page."""

from __future__ import annotations

import subprocess
from typing import Any

_HEAD = """# Benchmark

Written by `make bench` ({command}); do not edit. {toolchain}.

| model | board | core | mode | instructions | per MAC | code | constants | RAM | stack |
|---|---|---|---|---:|---:|---:|---:|---:|---:|
"""

_METHOD = """
Bytes are of the engine alone, except the stack's. Scheme: int8. Engine: the generated C (`c`).

## How it was measured

- **Models.** `lstm48`: 30 x 240 codes, LSTM 48, Dense 17; features are the LSTM's last state. `default`: what
  `myofin train` makes by default for 12 channels at 2 kHz and 17 movements, before training. Weights and
  calibration come from fixed seeds; model hashes are in `results.json`.
- **Boards.** Firmware built by `myofin build` runs in QEMU with `-icount`; the board's own timer counts
  instructions exactly ([boards/README.md](../boards/README.md)). Instructions are no cycles.
- **Mode `window`**: one whole window, from codes to logits (`myofin_fin` and `myofin_head`); median of
  {windows} windows. This is what an inference of TFLM does.
- **Mode `hop`**: the next frame and a decision on the window that ends with it, with what was computed of
  the other 29 frames reused (an engine generated for sliding windows): front end, FIN and head;
  median of {hops} hops. MACs are stated for a whole window in both modes.
- **Code and constants** come from the linker's map: the engine's object files only, the front end and its
  tables included. Library routines such as `memcpy`, which the application uses too, are not counted: all
  that the image holds of them are {library}.
- **RAM** is the state struct; in mode `window` without the window of codes, which is the input there.
- **Stack** is the most that the whole firmware ever used, interrupts included.
- Every run was done twice and gave the same instructions and the same outputs; every output was equal to that
  of the same C compiled for the host.
"""


def page(rows: list[dict[str, Any]], refused: list[str], *, command: str, windows: int, hops: int) -> str:
    """The page of some rows; ``refused``: a sentence for each model that a board has no room for."""
    library = [row["library_bytes"] for row in rows] or [0]
    method = _METHOD.format(
        windows=windows, hops=hops, library=f"{min(library):,} to {max(library):,} bytes by board"
    )
    text = _HEAD.format(command=command, toolchain=_toolchain()) + "\n".join(map(_line, rows)) + "\n"
    if refused:
        text += "\nRefused:\n\n" + "\n".join(f"- {sentence}" for sentence in refused) + "\n"
    return text + method


def _line(row: dict[str, Any]) -> str:
    per_mac = row["instructions"] / row["macs"]
    names = " | ".join(f"{row[key]}" for key in ("model", "board", "core", "mode"))
    keys = ("code_bytes", "const_bytes", "ram_bytes", "stack_bytes")
    sizes = " | ".join(f"{row[key]:,}" for key in keys)
    return f"| {names} | {row['instructions']:,} | {per_mac:.3f} | {sizes} |"


def _toolchain() -> str:
    found = []
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        found.append(done.stdout.splitlines()[0])
    return "; ".join(found)
