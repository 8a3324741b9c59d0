"""Write an image into a board, with the tool that its description names: plan, run, explain."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serial.tools import list_ports

from myofin.boards.registry import Board, FlashRecipe, load_board
from myofin.errors import BoardError, InputError, LinkError, MyofinError, ToolMissingError
from myofin.firmware_bridge.build import Image, load_image
from myofin.firmware_bridge.flash_tools import TOOLS, Tool
from myofin.firmware_bridge.image_check import check_image
from myofin.firmware_bridge.link import open_link
from myofin.firmware_bridge.uf2_drive import copy_to_drive, find_drive

UF2: Final = "uf2"  # no program: we copy the file ourselves
_FILE_NAMES: Final = {"elf": "firmware.elf", "bin": "firmware.bin", "uf2": "firmware.uf2"}


@dataclass(frozen=True)
class FlashPlan:
    """What will be done: ``command`` is the argument list, or for UF2 the file to copy."""

    board: Board
    recipe: FlashRecipe
    command: tuple[str, ...]
    port: str | None


def open_image(folder: Path, board_name: str | None) -> tuple[Image, Board]:
    """An image that may be flashed, and the board it is for.

    Raises:
        ArtifactError: The folder is no image, or a file of it was changed.
        InputError: It is for another board, or for an emulated one.
        CheckError: It is not what the board's processor will look for.
    """
    image = load_image(folder)
    board = load_board(image.board)
    if board_name is not None and board_name != image.board:
        wanted = load_board(board_name).name
        raise InputError(
            f"The image {folder} was built for {image.board}, not {wanted}.",
            hint=f"Build it again with `myofin build --board {wanted}`.",
        )
    if board.emulator is not None:
        raise InputError(
            f"{board.name} is an emulated board: there is nothing to flash.",
            hint=f"Run `myofin validate BUNDLE --board {board.name} --image {folder}`, which starts it.",
        )
    check_image(folder, board, image.sizes)
    return image, board


def plan_flash(
    image: Image,
    board: Board,
    *,
    tool: str | None = None,
    port: str | None = None,
    port_if_absent: str | None = None,
    ports: Callable[[], Iterable[Any]] = list_ports.comports,
) -> FlashPlan:
    """Choose the tool, and put its command line together.

    Args:
        image: What to write.
        board: What to write it to.
        tool: Its name; None: the first of the board's that is installed, else the first of all.
        port: Serial port of the bootloader, for tools that want one; None: found by its USB id.
        port_if_absent: Stands for the port when the bootloader is on none; None: that is an error.
        ports: Lists the serial ports of this machine.

    Raises:
        InputError: The board is not flashed with that tool, or a port is given to one that takes none.
        LinkError: A port is needed, and the bootloader is on none, or on several.
    """
    recipe = _choose(board, tool)
    if recipe.needs_port and port is None:
        port = _find_port(board, recipe, ports, port_if_absent)
    elif port is not None and not recipe.needs_port:
        raise InputError(
            f"{recipe.tool} finds {board.name} by itself and takes no port.",
            hint="Leave --port out, or choose another tool with --with.",
        )
    values = {name: str(image.folder / file) for name, file in _FILE_NAMES.items()}
    values["port"] = port or ""
    arguments = [_fill(argument, values) for argument in recipe.args]
    program = [] if recipe.tool == UF2 else [TOOLS[recipe.tool].program]
    return FlashPlan(board, recipe, (*program, *arguments), port)


def run_flash(plan: FlashPlan) -> None:
    """Write the image.

    Raises:
        ToolMissingError: The tool is not installed.
        LinkError: The port is missing, forbidden or used by another program.
        BoardError: The tool failed, or did not finish in time; the message says why in one sentence.
    """
    if plan.recipe.tool == UF2:
        uf2 = plan.board.uf2
        assert uf2 is not None  # the description was checked
        copy_to_drive(Path(plan.command[0]), find_drive(plan.board.name, uf2, plan.recipe.prepare))
        return
    tool = TOOLS[plan.recipe.tool]
    if shutil.which(tool.program) is None:
        raise ToolMissingError(
            f"{tool.program} is not installed, which flashes {plan.board.name}.", hint=_install(plan, tool)
        )
    if plan.port is not None:
        with open_link(plan.port):
            pass  # says in our words what is wrong with the port, where a tool would only fail
    _run(plan, tool)


def _install(plan: FlashPlan, tool: Tool) -> str:
    others = [way.tool for way in plan.board.flashers if way.tool != plan.recipe.tool]
    return f"To get it: {tool.install}; or choose another tool, --with {' or '.join(others)}."


def _run(plan: FlashPlan, tool: Tool) -> None:
    try:
        outcome = subprocess.run(
            plan.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=tool.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BoardError(
            f"{tool.program} did not finish within {tool.timeout_s} s.",
            hint=f"Disconnect the board, and start anew: {plan.recipe.prepare}",
        ) from error
    if outcome.returncode != 0 and not (tool.done and tool.done in outcome.stdout):
        raise explain(plan, tool, outcome.stdout, outcome.returncode)


def explain(plan: FlashPlan, tool: Tool, output: str, status: int) -> MyofinError:
    """Turn what a failed tool said into one sentence and a hint; what is not known is quoted."""
    words = {"board": plan.board.name, "prepare": plan.recipe.prepare}
    for complaint in tool.complaints:
        if any(complaint.pattern.search(line) for line in output.splitlines()):
            return BoardError(complaint.message.format_map(words), hint=complaint.hint.format_map(words))
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    said = (errors or lines or [f"exit status {status}"])[-1]
    return BoardError(
        f"{tool.program} failed: {said.rstrip('.')}.",
        hint="Run the line that --dry-run prints, to see all it says.",
    )


def _choose(board: Board, tool: str | None) -> FlashRecipe:
    known = {recipe.tool: recipe for recipe in board.flashers}
    if tool is not None:
        for name, recipe in known.items():
            if name == tool:
                return recipe
        raise InputError(
            f"{board.name} is not flashed with {tool}.", hint=f"Choose one of: {', '.join(known)}."
        )
    installed = [recipe for recipe in board.flashers if is_installed(recipe.tool)]
    return (installed or list(board.flashers))[0]


def is_installed(tool: str) -> bool:
    """Whether the program of a tool is on the path; copying to a drive needs none."""
    return tool == UF2 or shutil.which(TOOLS[tool].program) is not None


def _find_port(
    board: Board, recipe: FlashRecipe, ports: Callable[[], Iterable[Any]], if_absent: str | None
) -> str:
    found = [
        port.device
        for port in ports()
        if port.vid is not None and f"{port.vid:04x}:{port.pid:04x}" in recipe.usb
    ]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise LinkError(
            f"Several bootloaders of {board.name} are connected: on {', '.join(sorted(found))}.",
            hint="Choose one with --port.",
        )
    if if_absent is not None:
        return if_absent
    raise LinkError(
        f"{recipe.tool} needs the port of the bootloader of {board.name}, and none is connected.",
        hint=f"{recipe.prepare} Or give its port with --port.",
    )


def _fill(argument: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        argument = argument.replace(f"{{{name}}}", value)
    return argument
