"""What an image is compiled from, for every engine: sources, the objects they give, and their flags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from myofin.boards.registry import Board
from myofin.convert.bundle import ENGINE_FOLDER, TFLM_FOLDER
from myofin.convert.tflm_export import TFLM_NETWORK
from myofin.errors import InputError
from myofin.firmware_bridge.engine_option import EngineName
from myofin.firmware_bridge.tflm_tree import Tree, find_tree

ENGINE_OBJECTS: Final = "engine"
FIRMWARE: Final = Path(__file__).parent / "firmware"
_PLATFORM: Final = FIRMWARE / "tflm" / "platform.cc"
_SECTIONS: Final = ("-ffunction-sections", "-fdata-sections")
_WARNINGS: Final = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
_C_FLAGS: Final = ("-std=c99", "-O2", "-g", *_WARNINGS, *_SECTIONS, "-fno-common", "-ffreestanding")
# What TFLM's own makefile gives to a Cortex-M in a release build.
_TFLM_COMMON: Final = (
    *("-fno-unwind-tables", "-fno-asynchronous-unwind-tables", *_SECTIONS, "-fomit-frame-pointer"),
    *("-DTF_LITE_STATIC_MEMORY", "-DTF_LITE_DISABLE_X86_NEON", "-DTF_LITE_MCU_DEBUG_LOG", "-DNDEBUG"),
    *("-DTF_LITE_STRIP_ERROR_STRINGS", "-DKERNELS_OPTIMIZED_FOR_SPEED"),
    *("-DARM_NN_ENABLE_F16=0", "-DARM_NN_ENABLE_F32=0"),
)
_TFLM_CXX: Final = ("-std=c++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics", *_TFLM_COMMON)
_TFLM_CORE: Final = (*_TFLM_CXX, "-Os", "-w")
_TFLM_KERNELS: Final = (*_TFLM_CXX, "-O2", "-w")
_CMSIS_NN: Final = ("-std=c17", *_TFLM_COMMON, "-O2", "-w")
_METHOD: Final = re.compile(r"resolver\.(Add\w+)\(\)")


@dataclass(frozen=True)
class Unit:
    """One source, the object it gives in the build's folder, and how it is compiled.

    ``identity`` is set for third-party sources: what the object depends on besides flags and compiler.
    """

    source: Path
    object: str
    flags: tuple[str, ...]
    includes: tuple[Path, ...] = ()
    system_includes: tuple[Path, ...] = ()
    identity: str = ""

    @property
    def is_cxx(self) -> bool:
        """Whether this is C++."""
        return self.source.suffix == ".cc"


@dataclass(frozen=True)
class Recipe:
    """All that one image is compiled from: our own sources, and those of a third party."""

    own: tuple[Unit, ...]
    third_party: tuple[Unit, ...] = ()

    @property
    def units(self) -> tuple[Unit, ...]:
        """Every source."""
        return self.own + self.third_party


def engine_folder(bundle: Path, engine: EngineName) -> Path:
    """The folder of a bundle that an engine is built from."""
    return bundle / (ENGINE_FOLDER if engine == "c" else TFLM_FOLDER)


def make_recipe(
    engine: EngineName,
    folder: Path,
    board: Board,
    settings: Path,
    environ: Mapping[str, str],
    *,
    trace: bool = False,
) -> Recipe:
    """List what an image is compiled from.

    Args:
        engine: What executes the network.
        folder: What conversion wrote for it, see ``engine_folder``.
        board: The board to build for.
        settings: Folder of ``build_config.h``.
        environ: Where TFLM's variables are looked up.
        trace: Whether firmware and engine can send what they compute.

    Raises:
        ToolMissingError: The engine is TFLM, and the environment names no tree.
        InputError: The tree, or the folder, is not what this engine needs.
    """
    includes = (settings, FIRMWARE, folder)
    tree = None if engine == "c" else find_tree(environ, cmsis_nn=engine == "tflm-cmsis-nn")
    defines = (*_defines(tree), *(("-DMYOFIN_TRACE",) if trace else ()))
    parts = {
        "board": [(board.folder / name).resolve() for name in board.build.sources],
        "firmware": sorted(FIRMWARE.glob("*.c")),
        ENGINE_OBJECTS: sorted(folder.glob("*.c")),
    }
    own = [
        Unit(path, f"{part}/{path.stem}.o", _C_FLAGS + defines, includes)
        for part, paths in parts.items()
        for path in paths
    ]
    if tree is None:
        return Recipe(tuple(own))
    flags = (*_TFLM_CXX, "-O2", "-g", *_WARNINGS, *defines)
    own += [
        Unit(path, f"{ENGINE_OBJECTS}/{path.stem}.o", flags, includes, tree.includes)
        for path in (TFLM_NETWORK, _PLATFORM)
    ]
    return Recipe(tuple(own), _third_party(tree, folder))


def _defines(tree: Tree | None) -> tuple[str, ...]:
    return ("-DCMSIS_NN",) if tree is not None and tree.cmsis_nn is not None else ()


def _third_party(tree: Tree, folder: Path) -> tuple[Unit, ...]:
    """TFLM's interpreter, compiled alike with and without CMSIS-NN, and the kernels that the model needs."""
    resolver = folder / "resolver.h"
    if not resolver.is_file():
        raise InputError(
            f"{folder} holds no resolver.h, so TFLM's kernels for the model are not known.",
            hint="Make the bundle again with this version's `myofin convert`.",
        )
    methods = dict.fromkeys(_METHOD.findall(resolver.read_text(encoding="utf-8")))
    plain = Tree(tree.root)
    kernels = (*_TFLM_KERNELS, *_defines(tree))
    groups = (
        (plain, _TFLM_CORE, plain.core_files()),
        (tree, kernels, tree.kernel_files(methods)),
        (tree, _CMSIS_NN, tree.cmsis_nn_files()),
    )
    identities = {group: group.fingerprint() for group in (plain, tree)}
    return tuple(
        Unit(
            path,
            f"{ENGINE_OBJECTS}/{owner.relative(path).replace('/', '_')}.o",
            flags,
            system_includes=owner.includes,
            identity=f"{identities[owner]} {owner.relative(path)}",
        )
        for owner, flags, paths in groups
        for path in paths
    )
