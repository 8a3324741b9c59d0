"""The command line as its users meet it: help, errors, exit codes, interruption."""

import errno
import json
import os
import subprocess
import sys
import types

import click
import pytest

from myofin import cli
from myofin.errors import BoardError, CheckError, InputError, ToolMissingError


@pytest.fixture
def verb(monkeypatch):
    """Install a verb ``probe`` whose body the test gives."""

    def install(body):
        module = types.ModuleType("myofin_probe")
        module.probe = click.Command(
            "probe", callback=body, params=[click.Option(["--json"], is_flag=True, expose_value=False)]
        )
        monkeypatch.setitem(sys.modules, "myofin_probe", module)
        verbs = dict(cli.VERBS) | {"probe": cli.Verb("myofin_probe", "probe", "A test's own verb.")}
        monkeypatch.setattr(cli, "VERBS", verbs)

    return install


def raiser(error):
    def body():
        raise error

    return body


def test_help_imports_neither_tensorflow_nor_numpy():
    script = (
        "import sys, myofin.cli as c; code = c.run(['--help']);"
        "print(sorted({'tensorflow', 'numpy', 'tflite_runtime', 'scipy'} & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


@pytest.mark.parametrize("name", list(cli.VERBS))
def test_every_verb_has_help_with_an_example(name, capsys):
    assert cli.run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"myofin {name}" in shown
    assert "--json" in shown or isinstance(cli.cli.get_command(click.Context(cli.cli), name), click.Group)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CheckError("It differs.", hint="Look."), 1),
        (InputError("Bad file.", hint="Give another."), 2),
        (BoardError("Dead.", hint="Plug it in."), 3),
        (ToolMissingError("No gcc.", hint="apt-get install gcc"), 4),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x"), 2),
        (PermissionError(errno.EACCES, "no", "/x"), 2),
    ],
)
def test_errors_are_sentences_with_the_exit_code_of_their_kind(verb, capsys, error, code):
    verb(raiser(error))
    assert cli.run(["probe"]) == code
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert 1 <= len(shown.strip().splitlines()) <= 2


def test_json_errors_are_json(verb, capsys):
    verb(raiser(InputError("Bad file.", hint="Give another.")))
    assert cli.run(["probe", "--json"]) == 2
    assert json.loads(capsys.readouterr().err) == {
        "error": "InputError",
        "message": "Bad file.",
        "hint": "Give another.",
        "exit_code": 2,
    }


@pytest.mark.parametrize(
    ("error", "said"),
    [(InputError("Bad file.", hint="Give another."), "Bad file."), (OSError(5, "x"), "refused")],
)
def test_debug_shows_the_traceback_of_what_was_raised_first(verb, capsys, error, said):
    verb(raiser(error))
    assert cli.run(["--debug", "probe"]) == 2
    told = capsys.readouterr().err
    assert f"{type(error).__name__}: {error}" in told and "in body" in told
    assert "error: " in told.splitlines()[-2] and said in told.splitlines()[-2]


@pytest.mark.parametrize("arguments", [["no-such-verb"], ["--no-such-option"], ["doctor", "surplus"]])
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    assert cli.run(arguments) == 2
    assert "Error" in capsys.readouterr().err


def test_terminating_takes_the_way_of_ctrl_c(verb, capsys):
    verb(lambda: os.kill(os.getpid(), 15))
    assert cli.run(["probe"]) == 130
