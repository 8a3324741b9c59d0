"""Bundle and board to a firmware image, with the Arm GNU compiler."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from myofin.artifacts import Manifest, new_artifact, read_manifest, write_manifest
from myofin.boards.registry import Board
from myofin.errors import BoardError, InputError, MyofinError, ToolMissingError
from myofin.firmware_bridge.fit import does_not_fit, require_room
from myofin.firmware_bridge.wire import CounterKind

COMPILER: Final = "arm-none-eabi-gcc"
OBJCOPY: Final = "arm-none-eabi-objcopy"
SIZE: Final = "arm-none-eabi-size"
_APT: Final = "sudo apt-get install -y --no-install-recommends gcc-arm-none-eabi libnewlib-arm-none-eabi"
ENGINE_OBJECTS: Final = "engine"
_TIMEOUT_S: Final = 300
_FIRMWARE: Final = Path(__file__).parent / "firmware"
_COMMON_FLAGS: Final = (
    *("-std=c99", "-O2", "-g", "-Wall", "-Wextra", "-Wconversion", "-Werror"),
    *("-ffunction-sections", "-fdata-sections", "-fno-common", "-ffreestanding"),
)
_LINK_FLAGS: Final = (
    "-nostartfiles",
    "--specs=nano.specs",
    "-Wl,--gc-sections",
    "-Wl,--fatal-warnings",
    "-lm",
)
_PRODUCTS: Final = ("firmware.elf", "firmware.bin", "firmware.map")
_CODE_SECTIONS: Final = (".text",)
_CONSTANT_SECTIONS: Final = (".rodata", ".ARM.exidx", ".data")
_RAM_SECTIONS: Final = (".data", ".bss")


@dataclass(frozen=True)
class Sizes:
    """Bytes of an image. Initial values of variables count as constants too; the stack is not counted."""

    flash_code: int
    flash_constants: int
    ram_static: int


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


def build_image(
    bundle_c_dir: Path, model_sha256: str, board: Board, out: Path, *, engine: str = "c"
) -> Image:
    """Compile and link firmware for one model and one board, into the artifact folder ``out``.

    Args:
        bundle_c_dir: Folder with ``myofin_model.h`` and the C files of the engine.
        model_sha256: Hexadecimal SHA-256 of the model that the C files were generated from.
        board: The board to build for.
        out: Folder of the image; an image that is there is replaced.
        engine: What executes the network.

    Raises:
        ToolMissingError: The compiler or its C library is not installed.
        InputError: The folder holds no model, or the image does not fit the board.
        BoardError: The compiler refused the sources.
    """
    if not (bundle_c_dir / "myofin_model.h").is_file():
        raise InputError(
            f"{bundle_c_dir} holds no myofin_model.h, so there is no model to build.",
            hint="Make the bundle again with `myofin convert`.",
        )
    bundle_c_dir = bundle_c_dir.absolute()
    require_room(bundle_c_dir, board)
    compiler = _require_compiler()
    sources = _sources(bundle_c_dir, board)
    build_id = _build_id(compiler, sources, bundle_c_dir, board, engine)
    with new_artifact(out, "image") as folder, tempfile.TemporaryDirectory(prefix="myofin-build-") as scratch:
        work = Path(scratch)
        write_settings(work, board, engine, build_id)
        objects = _compile(compiler, sources, (work, _FIRMWARE, bundle_c_dir), board)
        _link(compiler, objects, work, board)
        # Copied, not linked in place: on a full disk the linker fails without saying why, and this says it.
        for name in _PRODUCTS:
            shutil.copyfile(work / name, folder / name)
        sizes = image_sizes(folder / "firmware.elf")
        body = _body(board, engine, model_sha256, build_id, sizes)
        write_manifest(
            folder,
            "image",
            body,
            arguments={"board": board.name, "engine": engine},
            inputs={"model": model_sha256},
        )
    return Image(out, out / "firmware.elf", board.name, engine, model_sha256, build_id, sizes)


def build_bundle(bundle: Path, board: Board, out: Path) -> Image:
    """Build the firmware of a bundle folder for a board. Raises as ``build_image``, and ArtifactError."""
    body = read_manifest(bundle, "bundle").body
    return build_image(bundle / "c", body["model_sha256"], board, out, engine=body["engine"])


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
    )


def _body(board: Board, engine: str, model_sha256: str, build_id: str, sizes: Sizes) -> dict[str, Any]:
    return {
        "board": board.name,
        "engine": engine,
        "model_sha256": model_sha256,
        "build_id": build_id,
        "elf": "firmware.elf",
        "sizes": vars(sizes),
    }


def _require_compiler() -> str:
    found = shutil.which(COMPILER)
    for program in (COMPILER, OBJCOPY, SIZE):
        if shutil.which(program) is None:
            raise ToolMissingError(f"{program} is not installed.", hint=f"Run: {_APT}")
    assert found is not None
    asked = _run([found, "-print-file-name=nano.specs"])
    if not Path(asked.stdout.strip()).is_absolute():
        raise ToolMissingError(f"{COMPILER} has no C library (newlib).", hint=f"Run: {_APT}")
    return found


def _sources(bundle_c_dir: Path, board: Board) -> dict[str, list[Path]]:
    """The C files by the part they belong to; object files lie in folders of these names."""
    return {
        "board": [(board.folder / name).resolve() for name in board.build.sources],
        "firmware": sorted(_FIRMWARE.glob("*.c")),
        ENGINE_OBJECTS: sorted(bundle_c_dir.glob("*.c")),
    }


def _build_id(
    compiler: str, parts: dict[str, list[Path]], bundle_c_dir: Path, board: Board, engine: str
) -> str:
    """SHA-256 over everything that decides the image: compiler, settings, and the text of every input."""
    version = _run([compiler, "--version"]).stdout.splitlines()[0]
    sources = [path for paths in parts.values() for path in paths]
    folders = dict.fromkeys([*(path.parent for path in parts["board"]), _FIRMWARE, bundle_c_dir])
    headers = [header for folder in folders for header in sorted(folder.glob("*.h"))]
    linker_script = board.folder / board.build.linker_script
    digest = hashlib.sha256()
    for part in (version, engine, *_COMMON_FLAGS, *_LINK_FLAGS, board.model_dump_json()):
        digest.update(part.encode() + b"\0")
    for path in (*sources, *headers, linker_script):
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
        "BOARD_MAX_PAYLOAD_BYTES": f"{board.build.max_payload_bytes}u",
        "ENGINE_NAME": f'"{engine}"',
        "BUILD_ID": f"{{{build_id_bytes}}}",
        **{f"BOARD_{name.upper()}": f"0x{value:08X}u" for name, value in board.registers.items()},
    }
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


def _compile(
    compiler: str, parts: dict[str, list[Path]], includes: Sequence[Path], board: Board
) -> list[str]:
    """Compile each source to ``<part>/<name>.o`` in the first include folder, and return these names.

    The map then tells the parts apart, and no path of this machine gets into it or into the image.
    """
    work = includes[0]
    folders = dict.fromkeys([*includes, *(path.parent for path in parts["board"])])
    remap = [f"-ffile-prefix-map={folder}=." for folder in folders]
    flags = [*board.build.flags, *_COMMON_FLAGS, *remap, *(f"-I{folder}" for folder in includes)]
    objects = []
    for part, paths in parts.items():
        (work / part).mkdir()
        for path in paths:
            objects.append(f"{part}/{path.stem}.o")
            outcome = _run([compiler, *flags, "-c", str(path), "-o", objects[-1]], folder=work)
            if outcome.returncode != 0:
                raise explain_compiler(outcome.stderr, board)
    return objects


def _link(compiler: str, objects: Sequence[str], work: Path, board: Board) -> None:
    script = board.folder / board.build.linker_script
    files = [f"-Wl,-T,{script}", "-Wl,-Map=firmware.map", "-o", "firmware.elf"]
    command = [compiler, *board.build.flags, *objects, *_LINK_FLAGS, "-L.", *files]
    outcome = _run(command, folder=work)
    if outcome.returncode != 0:
        raise explain_compiler(outcome.stderr, board)
    _run([OBJCOPY, "-O", "binary", "firmware.elf", "firmware.bin"], folder=work, check=True)


def _run(
    command: list[str], *, folder: Path | None = None, check: bool = False
) -> subprocess.CompletedProcess[str]:
    try:
        outcome = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BoardError(
            f"{Path(command[0]).name} did not finish within {_TIMEOUT_S} s.",
            hint="Free memory and processor time on this machine, and try again.",
        ) from error
    if check and outcome.returncode != 0:
        line = (outcome.stderr.strip().splitlines() or ["no message"])[0]
        raise BoardError(f"{Path(command[0]).name} failed: {line}", hint=f"Install it again: {_APT}")
    return outcome


def explain_compiler(stderr: str, board: Board) -> MyofinError:
    """Turn the output of a failed compiler run into one sentence: too large, or the first error."""
    memory = board.memory
    sizes = {"FLASH": ("flash", memory.flash_bytes), "RAM": ("RAM", memory.ram_bytes)}
    overflow = re.search(r"region `(\w+)' overflowed by (\d+) bytes", stderr)
    if overflow and overflow[1] in sizes:
        name, available = sizes[overflow[1]]
        return does_not_fit(board, name, available + int(overflow[2]), available)
    if "No space left on device" in stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir())
    errors = [line for line in stderr.splitlines() if re.search(r"\b[Ee]rror: |undefined reference", line)]
    first = (errors or stderr.strip().splitlines() or ["no message"])[0]
    return BoardError(
        f"The compiler refused the firmware: {first.strip()}",
        hint="Make the bundle again with this version's `myofin convert`.",
    )


def image_sizes(elf: Path) -> Sizes:
    """Sizes of a linked image, from its sections."""
    sections: dict[str, int] = {}
    for line in _run([SIZE, "-A", str(elf)], check=True).stdout.splitlines():
        if match := re.match(r"(\.\S+)\s+(\d+)\s", line):
            sections[match[1]] = int(match[2])

    def total(names: Sequence[str]) -> int:
        return sum(sections.get(name, 0) for name in names)

    return Sizes(total(_CODE_SECTIONS), total(_CONSTANT_SECTIONS), total(_RAM_SECTIONS))
