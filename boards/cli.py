"""``myofin boards``: the boards and their facts."""

from __future__ import annotations

import click

from myofin.boards.registry import Board, list_boards, load_board
from myofin.console import emit, json_option


@click.command()
@json_option
def boards(as_json: bool) -> None:
    """List the boards that firmware can be built for.

    \b
    Example:
      myofin boards
      myofin boards --json
    """
    found = [load_board(name) for name in list_boards()]
    text = "\n".join(_describe(board) for board in found)
    emit(as_json, {"boards": [board.document() for board in found]}, text)


def _describe(board: Board) -> str:
    memory, counter = board.memory, board.counter
    kind = f"emulated by {board.emulator.program}" if board.emulator else "physical"
    lines = [
        f"{board.name}: {board.description}",
        f"  {kind}; {board.core} at {board.clock_hz / 1e6:g} MHz; "
        f"flash {memory.flash_bytes // 1024:,} KiB, RAM {memory.ram_bytes // 1024:,} KiB",
        f"  counts {counter.kind}; deadlines at {counter.units_per_second / 1e6:g} M a second",
    ]
    if board.flashers:
        lines.append(f"  flashed with {', '.join(way.tool for way in board.flashers)}")
        lines.append(f"  talks over {board.link.wiring}")
    if board.afe is not None:
        lines.append(f"  {board.afe.channels} electrode inputs: {', '.join(board.afe.pins)}")
    return "\n".join(lines)
