"""The benchmark's rows as a page."""

from __future__ import annotations

import subprocess
from typing import Any

_HEAD = """# Benchmark

Written by `make bench` ({command}); do not edit. {toolchain}.

"""
_COLUMNS = ("model", "scheme", "board", "core", "engine", "mode")
_FIGURES = ("instructions", "per MAC", "code", "constants", "RAM", "stack", "differing")

_METHOD = """
Bytes are of the engine alone, except the stack's. Engines: the generated C (`c`),
TensorFlow Lite Micro's interpreter with its reference kernels (`tflm`) and with CMSIS-NN's (`tflm-cmsis-nn`).

## How it was measured

- **Models.** `lstm48`: 30 x 240 codes, LSTM 48, Dense 17; features are the LSTM's last state. `default`: what
  `myofin train` makes by default for 12 channels at 2 kHz and 17 movements, before training. Weights and
  calibration come from fixed seeds; model hashes are in `results.json`.
- **Boards.** Firmware built by `myofin build` runs in QEMU with `-icount`; the board's own timer counts
  instructions exactly ([boards/README.md](../boards/README.md)). Instructions are no cycles.
- **Schemes** ([docs/schemes.md](../docs/schemes.md)): int8 on every board, float32 and int16x8 on
  `mps2-an386` unless asked for by name.
- **Mode `window`**: one whole window, from codes to logits (`myofin_fin` and `myofin_head`); median of
  {windows} windows. This is what an inference of TFLM does.
- **Mode `hop`**: the next frame and a decision on the window that ends with it, with what was computed of
  the other 29 frames reused (an engine generated for sliding windows): front end, FIN and head;
  median of {hops} hops. MACs are stated for a whole window in both modes. On float32 nothing is reused.
- **Code and constants** come from the linker's map: the engine's object files only, the front end and its
  tables included. Library routines such as `memcpy`, which the application uses too, are not counted: all
  that the image holds of them are {library}.
- **RAM** is the state struct; in mode `window` without the window of codes, which is the input there.
- **TFLM** is compiled from source into the same firmware with the flags of its own makefile for a release
  ([docs/tflm-engine.md](../docs/tflm-engine.md)). Code and constants are all that the image holds of it and
  the model; C library routines are left out there too. RAM is the part of the arena that it takes on the
  board, the interpreter and the resolver, less the input tensor, which is a second copy of the window.
- **Differing** are values of the {windows} windows that differ from those of the generated C on the
  host, which equal TFLM's reference kernels, and the largest distance in LSB; on float32 by more than 0.001.
- **Stack** is the most that the whole firmware ever used, interrupts included, of two runs; the only
  figure that differs from run to run, by a few bytes, since an interrupt comes when the host sends.
- Every run was done twice and gave the same instructions and the same outputs.
"""


def page(rows: list[dict[str, Any]], refused: list[str], *, command: str, windows: int, hops: int) -> str:
    """The page of some rows; ``refused``: a sentence for each model that a board has no room for."""
    library = [row["library_bytes"] for row in rows] or [0]
    method = _METHOD.format(
        windows=windows, hops=hops, library=f"{min(library):,} to {max(library):,} bytes by board"
    )
    columns = "|".join(f" {name} " for name in (*_COLUMNS, *_FIGURES))
    rules = "---|" * len(_COLUMNS) + "---:|" * len(_FIGURES)
    text = _HEAD.format(command=command, toolchain=_toolchain())
    text += f"|{columns}|\n|{rules}\n" + "\n".join(map(_line, rows)) + "\n"
    if refused:
        text += "\nNot measured:\n\n" + "\n".join(f"- {sentence}" for sentence in refused) + "\n"
    return text + method


def _line(row: dict[str, Any]) -> str:
    per_mac = row["instructions"] / row["macs"]
    names = " | ".join(f"{row[key]}" for key in _COLUMNS)
    keys = ("code_bytes", "const_bytes", "ram_bytes", "stack_bytes")
    sizes = " | ".join(f"{row[key]:,}" for key in keys)
    differing = f"{row['outputs_differing']} of {row['outputs']}"
    if row["max_lsb"]:
        differing += f", at most {row['max_lsb']} LSB"
    return f"| {names} | {row['instructions']:,} | {per_mac:.3f} | {sizes} | {differing} |"


def _toolchain() -> str:
    found = []
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        found.append(done.stdout.splitlines()[0])
    return "; ".join(found)
