"""Bundle and board to a firmware image, with the Arm GNU compiler."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from myofin.artifacts import Manifest, new_artifact, read_manifest, write_manifest
from myofin.boards.registry import Board
from myofin.convert.schema import computes_features
from myofin.errors import InputError
from myofin.firmware_bridge.boot import seal_boot2
from myofin.firmware_bridge.elf import Segment, read_elf
from myofin.firmware_bridge.engine_option import EngineName
from myofin.firmware_bridge.fit import require_room
from myofin.firmware_bridge.image_check import check_image
from myofin.firmware_bridge.objects import cache_folder, compile_recipe
from myofin.firmware_bridge.recipe import FIRMWARE, Recipe, engine_folder, make_recipe
from myofin.firmware_bridge.sizes import Sizes, sizes_of
from myofin.firmware_bridge.toolchain import OBJCOPY, explain_compiler, require_compiler, run
from myofin.firmware_bridge.uf2 import encode_uf2
from myofin.firmware_bridge.wire import CounterKind

_LINK_FLAGS: Final = (
    "-nostartfiles",
    "--specs=nano.specs",
    "-Wl,--gc-sections",
    "-Wl,--fatal-warnings",
    "-lm",
)


@dataclass(frozen=True)
class Image:
    """A built firmware image: its folder, the files in it, and what it was built from."""

    folder: Path
    elf: Path
    board: str
    engine: str
    model_sha256: str
    build_id: str
    sizes: Sizes
    trace: bool = False


def build_image(
    bundle_c_dir: Path,
    model_sha256: str,
    board: Board,
    out: Path,
    *,
    engine: EngineName = "c",
    trace: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Image:
    """Compile and link firmware for one model and one board, into the artifact folder ``out``.

    Args:
        bundle_c_dir: Folder with ``myofin_model.h`` and the C files of the engine.
        model_sha256: Hexadecimal SHA-256 of the model that the C files were generated from.
        board: The board to build for.
        out: Folder of the image; an image that is there is replaced.
        engine: What executes the network.
        trace: Whether the image can send the intermediate values of a window.
        environ: Names TFLM's source tree where the engine is TFLM.

    Raises:
        ToolMissingError: The compiler or its C library is not installed; for TFLM also its source tree and
            the C++ library.
        InputError: The folder holds no model, or the image does not fit the board; or the tree is not TFLM's.
        BoardError: The compiler refused the sources.
        CheckError: The image is not what the board's processor or ROM will look for.
    """
    if not (bundle_c_dir / "myofin_model.h").is_file():
        raise InputError(
            f"{bundle_c_dir} holds no myofin_model.h, so there is no model to build.",
            hint="Make the bundle again with `myofin convert`.",
        )
    bundle_c_dir = bundle_c_dir.absolute()
    require_room(bundle_c_dir, board)
    compiler = require_compiler()
    with new_artifact(out, "image") as folder, tempfile.TemporaryDirectory(prefix="myofin-build-") as scratch:
        work = Path(scratch)
        recipe = make_recipe(engine, bundle_c_dir, board, work, environ, trace=trace)
        build_id = _build_id(compiler, recipe, bundle_c_dir, board, engine)
        write_settings(work, board, engine, build_id)
        objects = compile_recipe(recipe, compiler, board, work, cache_folder(environ))
        _link(compiler, objects, work, board)
        # Copied, not linked in place: on a full disk the linker fails without saying why, and this says it.
        for name in _finish(work, board):
            shutil.copyfile(work / name, folder / name)
        sizes = sizes_of(read_elf(folder / "firmware.elf"))
        check_image(folder, board, sizes)
        image = Image(out, out / "firmware.elf", board.name, engine, model_sha256, build_id, sizes, trace)
        write_manifest(
            folder,
            "image",
            _body(image),
            arguments={"board": board.name, "engine": engine, "trace": trace},
            inputs={"model": model_sha256},
        )
    return image


def build_bundle(
    bundle: Path, board: Board, out: Path, *, engine: EngineName = "c", trace: bool = False
) -> Image:
    """Build the firmware of a bundle folder for a board. Raises as ``build_image``, and ArtifactError."""
    body = read_manifest(bundle, "bundle").body
    if engine != "c" and body["state"]["contract"] != "reset":
        raise InputError(
            "The bundle's network keeps its state between decisions; TFLM in this firmware does not.",
            hint="Build with --engine c.",
        )
    if engine != "c" and computes_features(body.get("network", {})):
        raise InputError("TFLM has no operator for features by arithmetic.", hint="Build with --engine c.")
    if engine != "c" and trace:
        raise InputError(
            "TFLM does not tell of its stages.", hint="Build with --engine c, or without --trace."
        )
    folder = engine_folder(bundle, engine)
    return build_image(folder, body["model_sha256"], board, out, engine=engine, trace=trace)


def load_image(folder: Path) -> Image:
    """Read an image folder.

    Raises:
        ArtifactError: The folder is not an image, or a file of it was changed.
    """
    manifest: Manifest = read_manifest(folder, "image")
    body = manifest.body
    return Image(
        folder=folder,
        elf=folder / body["elf"],
        board=body["board"],
        engine=body["engine"],
        model_sha256=body["model_sha256"],
        build_id=body["build_id"],
        sizes=Sizes(**body["sizes"]),
        trace=body.get("trace", False),
    )


def _body(image: Image) -> dict[str, Any]:
    return {
        "board": image.board,
        "engine": image.engine,
        "model_sha256": image.model_sha256,
        "build_id": image.build_id,
        "elf": image.elf.name,
        "sizes": vars(image.sizes),
        "trace": image.trace,
    }


def _build_id(compiler: str, recipe: Recipe, folder: Path, board: Board, engine: str) -> str:
    """SHA-256 over everything that decides the image: compiler, settings, and the text of every input."""
    version = run([compiler, "--version"]).stdout.splitlines()[0]
    own = [unit.source for unit in recipe.own]
    folders = dict.fromkeys([*(path.parent for path in own), FIRMWARE, folder])
    headers = [header for searched in folders for header in sorted(searched.glob("*.h"))]
    linker_script = board.folder / board.build.linker_script
    digest = hashlib.sha256()
    for part in (version, engine, *_LINK_FLAGS, board.model_dump_json()):
        digest.update(part.encode() + b"\0")
    for unit in recipe.units:
        digest.update("\0".join((unit.object, *unit.flags, unit.identity)).encode() + b"\0")
    for path in (*own, *headers, linker_script):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def write_settings(folder: Path, board: Board, engine: str, build_id: str) -> None:
    """Write ``build_config.h`` for the C sources and ``memory.ld`` for the linker script into a folder."""
    build_id_bytes = ", ".join(f"0x{byte:02X}" for byte in bytes.fromhex(build_id))
    settings: dict[str, str] = {
        "BOARD_NAME": f'"{board.name}"',
        "BOARD_CLOCK_HZ": f"{board.clock_hz}u",
        "BOARD_COUNTER_KIND": f"{CounterKind[board.counter.kind.upper()].value}u",
        "BOARD_COUNTER_HZ": f"{board.counter.hz}u",
        "BOARD_LAP_TICKS_PER_MS": f"{_lap_ticks_per_ms(board)}u",
        "BOARD_BAUD": f"{board.link.baud}u",
        "BOARD_MAX_PAYLOAD_BYTES": f"{board.build.max_payload_bytes}u",
        "ENGINE_NAME": f'"{engine}"',
        "BUILD_ID": f"{{{build_id_bytes}}}",
        **{f"BOARD_{name.upper()}": f"0x{value:08X}u" for name, value in board.registers.items()},
    }
    if board.afe is not None:
        settings["BOARD_AFE_CHANNELS"] = f"{board.afe.channels}u"
        settings["BOARD_AFE_LEAST_TICKS"] = f"{board.counter.hz // board.afe.max_rate_hz}u"
    lines = (f"#define {name} {value}\n" for name, value in settings.items())
    (folder / "build_config.h").write_text("/* Written by the build from board.toml. */\n" + "".join(lines))
    memory = board.memory
    (folder / "memory.ld").write_text(
        f"STACK_BYTES = {memory.stack_bytes};\n"
        "MEMORY\n{\n"
        f"    FLASH (rx) : ORIGIN = {memory.flash_origin:#010x}, LENGTH = {memory.flash_bytes}\n"
        f"    RAM (rwx) : ORIGIN = {memory.ram_origin:#010x}, LENGTH = {memory.ram_bytes}\n"
        "}\n"
    )


def _lap_ticks_per_ms(board: Board) -> int:
    """Counter ticks in a millisecond of the time in which deadlines are placed."""
    counter = board.counter
    return round(counter.ticks_per_unit * counter.units_per_second / 1000)


def _link(compiler: str, objects: Sequence[str], work: Path, board: Board) -> None:
    script = board.folder / board.build.linker_script
    files = [f"-Wl,-T,{script}", "-Wl,-Map=firmware.map", "-o", "firmware.elf"]
    command = [compiler, *board.build.flags, *objects, *_LINK_FLAGS, "-L.", *files]
    outcome = run(command, folder=work)
    if outcome.returncode != 0:
        raise explain_compiler(outcome.stderr, board)


def _finish(work: Path, board: Board) -> tuple[str, ...]:
    """Make from the linked ELF file what flashers take; returns the names of an image's files."""
    elf_path = work / "firmware.elf"
    elf = read_elf(elf_path)
    if board.build.boot == "rp2040":
        elf_path.write_bytes(seal_boot2(elf_path.read_bytes(), elf))
    run([OBJCOPY, "-O", "binary", "firmware.elf", "firmware.bin"], folder=work, check=True)
    if board.uf2 is None:
        return ("firmware.elf", "firmware.bin", "firmware.map")
    flash = Segment(elf.flash().address, (work / "firmware.bin").read_bytes())
    (work / "firmware.uf2").write_bytes(encode_uf2(flash, board.uf2.family))
    return ("firmware.elf", "firmware.bin", "firmware.map", "firmware.uf2")
