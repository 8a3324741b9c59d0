"""Objects of third-party sources are compiled once; what decides them decides whether one is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from myofin.boards.registry import load_board
from myofin.errors import BoardError
from myofin.firmware_bridge.objects import cache_folder, compile_recipe
from myofin.firmware_bridge.recipe import Recipe, Unit
from myofin.firmware_bridge.toolchain import require_compiler

BOARD = load_board("mps2-an386")


def theirs(folder: Path, text: str = "int answer(void) { return 42; }\n") -> Unit:
    source = folder / "theirs.c"
    source.write_text(text)
    return Unit(source, "engine/theirs.o", ("-O2",), system_includes=(folder,), identity="tree theirs.c")


def build(folder: Path, unit: Unit, name: str) -> bytes:
    work = folder / name
    work.mkdir()
    (folder / "ours.c").write_text("int ours(void) { return 1; }\n")
    ours = Unit(folder / "ours.c", "firmware/ours.o", ("-O2",))
    objects = compile_recipe(
        Recipe((ours,), (unit,)), require_compiler(), BOARD, work, folder / "cache" / "objects"
    )
    assert objects == ["firmware/ours.o", "engine/theirs.o"]
    assert (work / objects[0]).stat().st_size > 0
    return (work / objects[1]).read_bytes()


def test_an_object_is_kept_until_something_it_depends_on_changes(tmp_path: Path) -> None:
    unit = theirs(tmp_path)
    first = build(tmp_path, unit, "first")
    (kept,) = (tmp_path / "cache" / "objects").iterdir()
    assert kept.read_bytes() == first
    unit.source.write_text("this is no C\n")  # so that compiling it again would fail
    assert build(tmp_path, unit, "again") == first
    for number, other in enumerate((replace(unit, identity="other"), replace(unit, flags=("-Os",)))):
        with pytest.raises(BoardError):
            build(tmp_path, other, f"other{number}")


def test_a_refused_third_party_source_is_named_and_not_kept(tmp_path: Path) -> None:
    unit = theirs(tmp_path, "int answer(void) { return nonsense; }\n")
    with pytest.raises(
        BoardError, match=r"refused theirs\.c of the third-party sources: .*'nonsense'"
    ) as caught:
        build(tmp_path, unit, "first")
    assert "docs/tflm-engine.md" in caught.value.hint
    assert not list(tmp_path.glob("cache/objects/*"))


def test_the_cache_is_the_users(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "myofin" / "objects"
    assert cache_folder({}) == Path.home() / ".cache" / "myofin" / "objects"
