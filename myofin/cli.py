"""The command line: composes the verbs of all parts, and turns errors into sentences and exit codes.

A verb's module is imported only when that verb runs, so ``myofin --help`` stays fast and never loads
TensorFlow. This is the only module that knows every part.
"""

from __future__ import annotations

import errno
import importlib
import json
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType, MappingProxyType
from typing import Any

import click

from myofin import __version__
from myofin.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, InputError, MyofinError


@dataclass(frozen=True)
class Verb:
    """One verb: where its click command is, and the line that ``myofin --help`` shows for it."""

    module: str
    attribute: str
    summary: str


VERBS = MappingProxyType(
    {
        "demo": Verb("myofin.commands.demo", "demo", "Everything once: synthetic sEMG to a verified board."),
        "data": Verb("myofin.commands.data", "data", "Check recordings, or make synthetic ones."),
        "train": Verb("myofin.train.cli", "train", "Recordings to a run: train the LSTM-FIN and its head."),
        "evaluate": Verb(
            "myofin.train.evaluate_cli", "evaluate", "Measure methods under a protocol, subject by subject."
        ),
        "convert": Verb(
            "myofin.convert.cli", "convert", "A run to a bundle: TFLite model, C engine, golden vectors."
        ),
        "sweep": Verb(
            "myofin.sweep.cli", "sweep", "Measure many networks on an emulated board, and choose one."
        ),
        "inspect": Verb(
            "myofin.convert.inspect_cli", "inspect", "MACs, bytes, LSTM and state of a model or bundle."
        ),
        "sensitivity": Verb(
            "myofin.convert.sensitivity_cli",
            "sensitivity",
            "Which layer of a network loses what in integers.",
        ),
        "export": Verb(
            "myofin.convert.export_cli", "export", "A bundle to C for your own project, with a self-test."
        ),
        "boards": Verb("myofin.boards.cli", "boards", "List the boards and their facts."),
        "build": Verb(
            "myofin.firmware_bridge.build_cli", "build", "A bundle and a board to a firmware image."
        ),
        "flash": Verb("myofin.firmware_bridge.flash_cli", "flash", "Write an image into its board."),
        "validate": Verb(
            "myofin.firmware_bridge.validate_cli",
            "validate",
            "Prove on the board that it computes what the host computes.",
        ),
        "stream": Verb(
            "myofin.firmware_bridge.stream_cli",
            "stream",
            "Record from the board while it decides, and prove every decision.",
        ),
        "monitor": Verb(
            "myofin.firmware_bridge.monitor_cli",
            "monitor",
            "Watch a board stream and decide, on the terminal.",
        ),
        "compare": Verb(
            "myofin.firmware_bridge.compare_cli",
            "compare",
            "Two reports: what changed, and is it more than chance?",
        ),
        "doctor": Verb(
            "myofin.commands.doctor", "doctor", "Say what is missing for which verb, and how to install it."
        ),
    }
)


class LazyGroup(click.Group):
    """A group whose commands are imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of one verb."""
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        command = getattr(importlib.import_module(verb.module), verb.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with their summaries, without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.version_option(__version__, prog_name="myofin")
def cli(debug: bool) -> None:
    """From surface-EMG recordings to a verified LSTM on a microcontroller.

    \b
    Example:
      myofin demo --out out/demo
      myofin train --data recordings/ --subject 1 --out out/run
      myofin convert out/run --scheme int8 --out out/bundle
      myofin validate out/bundle --board mps2-an386 --out out/report
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the code that ``myofin.errors`` defines."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code; errors are written to stderr, as JSON with --json."""
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        result = cli.main(args=arguments, prog_name="myofin", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except MyofinError as error:
        return _explain(error, arguments)
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("Interrupted: what was unfinished has been removed, what was finished is kept.", err=True)
        return EXIT_INTERRUPTED
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        if error.errno == errno.EPIPE:
            return EXIT_BAD_INPUT
        return _explain(_explain_os_error(error), arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminate(number: int, frame: FrameType | None) -> None:
    # A polite kill takes the same way out as Ctrl-C, so that emulators and partial folders are cleaned up.
    raise KeyboardInterrupt


def _explain_os_error(error: OSError) -> MyofinError:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(
            f"The disk is full{where}: nothing half-written was kept.",
            hint="Free some space, or give --out (and TMPDIR) a path on another disk.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InputError(f"No permission{where}.", hint="Give a path that you may read or write.")
    return InputError(
        f"The system refused a file operation{where}: {error.strerror or error}.",
        hint="See the traceback with `myofin --debug ...`.",
    )


def _explain(error: MyofinError, arguments: list[str]) -> int:
    if "--debug" in arguments:
        click.echo(traceback.format_exc(), err=True)
    if "--json" in arguments:
        document: dict[str, Any] = {
            "error": type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        click.echo(json.dumps(document), err=True)
    else:
        click.echo(f"error: {error.message}\n  fix: {error.hint}", err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
