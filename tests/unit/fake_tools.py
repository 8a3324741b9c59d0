"""Fakes of the flash tools: programs on a path of their own, which say what a test wants."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myofin.errors import MyofinError
from myofin.firmware_bridge.flash_cli import flash


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(flash, list(map(str, arguments)))


def error_of(result: Result) -> MyofinError:
    assert isinstance(result.exception, MyofinError), result.output
    return result.exception


def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole path."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def fake(folder: Path, program: str, *, said: str = "", status: int = 0, script: str = "") -> Path:
    """A program that notes its arguments, says something, and ends with a status."""
    path = folder / program
    lines = (
        "#!/bin/sh",
        f'for word in "$@"; do echo "$word" >> {shlex.quote(str(folder / "arguments"))}; done',
        script,
        f"echo {shlex.quote(said)} >&2",
        f"exit {status}",
    )
    path.write_text("\n".join(lines) + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder / "arguments"
