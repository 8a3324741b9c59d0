"""``myofin doctor``: what is missing for which verb, with the line that installs it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option
from myofin.errors import EXIT_TOOL_MISSING
from myofin.firmware_bridge.flash_tools import TOOLS, Tool

_APT = "sudo apt-get install -y --no-install-recommends "


@dataclass(frozen=True)
class Need:
    """Something a verb needs: how to see whether it is there, and the line that installs it."""

    name: str
    install: str
    present: Callable[[], bool]


def _program(name: str, package: str) -> Need:
    return Need(name, _APT + package, lambda: shutil.which(name) is not None)


def _module(name: str, install: str) -> Need:
    return Need(name, install, lambda: importlib.util.find_spec(name) is not None)


def _library(name: str, compiler: str, library: str, package: str) -> Need:
    """A library that a compiler must know by itself."""

    def present() -> bool:
        found = shutil.which(compiler)
        if found is None:
            return False
        asked = [found, f"-print-file-name={library}"]
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
        return Path(answer.stdout.strip()).is_absolute()

    return Need(name, _APT + package, present)


def _flasher(tool: Tool) -> Need:
    return Need(tool.program, tool.install, lambda: shutil.which(tool.program) is not None)


_TRAIN_EXTRA = 'pip install "myofin[train]"'
_REINSTALL = "pip install --force-reinstall myofin"
_RUNTIME = "tflite_runtime" if sys.version_info < (3, 12) else "ai_edge_litert"

HOST_CC = Need("host C compiler (cc)", _APT + "gcc libc6-dev", lambda: shutil.which("cc") is not None)
ARM_GCC = _program("arm-none-eabi-gcc", "gcc-arm-none-eabi")
NEWLIB = _library("newlib for Arm", "arm-none-eabi-gcc", "libc.a", "libnewlib-arm-none-eabi")
QEMU = _program("qemu-system-arm", "qemu-system-arm")
TENSORFLOW = _module("tensorflow", _TRAIN_EXTRA)
TF_KERAS = _module("tf_keras", _TRAIN_EXTRA)
SKLEARN = _module("sklearn", _TRAIN_EXTRA)
TFLITE = _module(_RUNTIME, _REINSTALL)
TFLM = _module("tflite_micro", _REINSTALL)
if sys.version_info < (3, 11):
    TFLM = Need("tflite_micro (has no wheel for Python 3.10)", "use Python 3.11 or later", TFLM.present)

OPTUNA = _module("optuna", 'pip install "myofin[sweep]"')
TEXTUAL = _module("textual", 'pip install "myofin[monitor]"')

_TRAIN = (TENSORFLOW, TF_KERAS, SKLEARN)
_CONVERT = (TENSORFLOW, TF_KERAS, TFLITE, TFLM, HOST_CC)
_BUILD = (ARM_GCC, NEWLIB)
_VALIDATE = (*_BUILD, QEMU, TFLITE, TFLM)

NEEDS: dict[str, tuple[Need, ...]] = {
    "demo": tuple(dict.fromkeys(_TRAIN + _CONVERT + _VALIDATE)),
    "data": (),
    "train": _TRAIN,
    "evaluate": _TRAIN,
    "convert": _CONVERT,
    "sweep": tuple(dict.fromkeys((*_TRAIN, *_CONVERT, *_VALIDATE, OPTUNA))),
    "inspect": (),
    "sensitivity": _CONVERT,
    "export": (),
    "boards": (),
    "build": _BUILD,
    "flash": (),
    "validate": _VALIDATE,
    "stream": (*_VALIDATE, HOST_CC),
    "monitor": (*_BUILD, QEMU, TEXTUAL),
    "compare": (),
}

ARM_CXX = _library(
    "C++ library for Arm (1.6 GB)", "arm-none-eabi-g++", "libstdc++.a", "libstdc++-arm-none-eabi-newlib"
)
TFLM_TREE = Need(
    "a TFLM source tree",
    "set MYOFIN_TFLM_ROOT to one; docs/tflm-engine.md says how to get it",
    lambda: bool(os.environ.get("MYOFIN_TFLM_ROOT")),
)
# A comparison with TFLM on the board needs the first; a board needs one of its flashers, which
# `myofin boards` names. Every verb is ready without them.
OPTIONAL: dict[str, tuple[Need, ...]] = {
    "--engine tflm": (ARM_CXX, TFLM_TREE),
    **{f"flash --with {name}": (_flasher(tool),) for name, tool in TOOLS.items()},
}


@click.command(short_help="What is missing for which verb.")
@json_option
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what is missing for which verb, with the line that installs it.

    Exit code 0 when every verb can run, 4 otherwise; TFLM as engine (--engine tflm) is optional.

    \b
    Example:
      myofin doctor
    """
    missing, optional = _missing(NEEDS), _missing(OPTIONAL)
    document = {"verbs": _document(missing), "optional": _document(optional)}
    emit(as_json, document, _text(missing | optional))
    if any(missing.values()):
        context.exit(EXIT_TOOL_MISSING)


def _missing(needs_of: dict[str, tuple[Need, ...]]) -> dict[str, list[Need]]:
    state = {need: need.present() for needs in needs_of.values() for need in needs}
    return {verb: [need for need in needs if not state[need]] for verb, needs in needs_of.items()}


def _document(missing: dict[str, list[Need]]) -> dict[str, Any]:
    return {
        verb: {"ready": not gaps, "missing": [{"name": gap.name, "install": gap.install} for gap in gaps]}
        for verb, gaps in missing.items()
    }


def _text(missing: dict[str, list[Need]]) -> str:
    lines = []
    for verb, gaps in missing.items():
        lines.append(
            f"{verb:13} " + ("ready" if not gaps else "needs " + ", ".join(gap.name for gap in gaps))
        )
    installs = dict.fromkeys((gap.name, gap.install) for gaps in missing.values() for gap in gaps)
    lines += [f"\nto get {name}:\n  {install}" for name, install in installs]
    return "\n".join(lines)
