"""``myofin build``: a bundle and a board to a firmware image."""

from __future__ import annotations

from pathlib import Path

import click

from myofin.console import emit, json_option
from myofin.firmware_bridge.engine_option import EngineName, engine_option


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--board", required=True, help="Name of the board, see `myofin boards`.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the image.")
@engine_option
@click.option("--trace", is_flag=True, help="An image that can also send every stage of a decision.")
@json_option
def build(bundle: Path, board: str, out: Path, engine: EngineName, trace: bool, as_json: bool) -> None:
    """Compile the firmware of BUNDLE for a board.

    The image folder holds firmware.elf, firmware.bin, firmware.map and image.json. The engine is the
    generated C, or TFLM's interpreter with its reference kernels or CMSIS-NN's, compiled from the source tree
    that MYOFIN_TFLM_ROOT names. With --trace, `validate --image` can ask the board where it differs from the
    host; the image is larger and somewhat slower.

    \b
    Example:
      myofin build out/bundle --board mps2-an386 --out out/image
    """
    from myofin.boards.registry import load_board
    from myofin.firmware_bridge.build import build_bundle

    image = build_bundle(bundle, load_board(board), out, engine=engine, trace=trace)
    sizes = image.sizes
    document = {
        "image": str(image.folder),
        "elf": str(image.elf),
        "board": image.board,
        "engine": image.engine,
        "model_sha256": image.model_sha256,
        "build_id": image.build_id,
        "trace": image.trace,
        "sizes": vars(sizes),
    }
    text = (
        f"{image.elf} for {image.board}, engine {image.engine}: code {sizes.flash_code:,} B, "
        f"constants {sizes.flash_constants:,} B, static RAM {sizes.ram_static:,} B"
    )
    emit(as_json, document, text)
