"""``myofin flash``: an image into a board."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from myofin.console import emit, json_option, progress_bar


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--board", help="Name of the board; default: the one that the image was built for.")
@click.option("--port", help="Serial port of the bootloader, for bossac; default: found by its USB id.")
@click.option("--with", "tool", help="Tool to flash with; default: the board's first that is installed.")
@click.option("--dry-run", is_flag=True, help="Print the command line, and run nothing.")
@json_option
def flash(
    image: Path, board: str | None, port: str | None, tool: str | None, dry_run: bool, as_json: bool
) -> None:
    """Write IMAGE into its board with pyOCD, OpenOCD, bossac, dfu-util, or by copying a UF2 file.

    The image is checked first: vectors, sections, sizes, and what the chip's ROM looks for. `myofin boards`
    lists the tools of each board in the order of preference.

    \b
    Example:
      myofin flash out/image --dry-run
      myofin flash out/image --board nano33ble --with pyocd
    """
    from myofin.firmware_bridge.flash import UF2, open_image, plan_flash, run_flash

    built, facts = open_image(image, board)
    plan = plan_flash(built, facts, tool=tool, port=port, port_if_absent="PORT" if dry_run else None)
    document = {
        "board": facts.name,
        "image": str(built.folder),
        "build_id": built.build_id,
        "tool": plan.recipe.tool,
        "command": list(plan.command),
        "prepare": plan.recipe.prepare,
        "flashed": not dry_run,
    }
    if not dry_run:
        with progress_bar() as progress:
            progress("flash", 0, 1)
            run_flash(plan)
            progress("flash", 1, 1)
        wiring = facts.link.wiring
        text = f"{facts.name} runs build {built.build_id[:12]} now; to talk to it, connect {wiring}."
    elif plan.recipe.tool == UF2 and facts.uf2 is not None:
        text = f"copy {plan.command[0]} to the drive {facts.uf2.volume}\n# before: {plan.recipe.prepare}"
    else:
        text = f"{shlex.join(plan.command)}\n# before: {plan.recipe.prepare}"
    emit(as_json, document, text)
