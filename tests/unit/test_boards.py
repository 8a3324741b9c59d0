"""Boards: every description holds, and what is wrong with one is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from myofin.boards import registry
from myofin.boards.cli import boards
from myofin.boards.registry import Board, Counter, list_boards, load_board, read_board
from myofin.errors import InputError


@pytest.mark.parametrize("name", list_boards())
def test_every_board_is_complete(name: str) -> None:
    board = load_board(name)
    assert board.sources, "facts need sources"
    assert all((board.folder / source).is_file() for source in board.build.sources)
    own = [path for path in board.folder.iterdir() if path.suffix in (".c", ".h", ".ld")]
    assert sum(len(path.read_text().splitlines()) for path in own) < 300
    assert (board.folder / board.build.linker_script).is_file()
    assert json.loads(json.dumps(board.document()))["name"] == name


def test_an_unknown_board_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="no board 'nope'") as caught:
        load_board("nope")
    assert "mps2-an386" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("path", ["..", "../boards/mps2-an386", ""])
def test_a_path_is_not_a_board(path: str) -> None:
    with pytest.raises(InputError):
        load_board(path)


def test_instructions_come_back_exactly_from_whole_ticks() -> None:
    counter = Counter(kind="instructions", hz=25_000_000, ticks_per_unit=1.6, units_per_second=64_000_000)
    for instructions in (*range(2000), 10**9 + 7):
        assert counter.units(instructions * 8 // 5) == instructions


def rename(text: str) -> str:
    return text.replace('name = "mps2-an386"', 'name = "another"')


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text + "\nnonsense", "not readable"),
        (lambda text: text.replace("flash_bytes = 4_194_304\n", ""), "memory.flash_bytes: Field required"),
        (lambda text: text.replace("stack_bytes = 8_192", "stack_bytes = -1"), "memory.stack_bytes"),
        (lambda text: text + "\n[surprise]\nx = 1\n", "surprise: Extra inputs"),
        (rename, "unlike its folder"),
    ],
)
def test_a_bad_description_is_named(tmp_path: Path, damage: Callable[[str], str], words: str) -> None:
    folder = tmp_path / "mps2-an386"
    shutil.copytree(load_board("mps2-an386").folder, folder)
    description = folder / "board.toml"
    description.write_text(damage(description.read_text()))
    with pytest.raises(InputError, match=words):
        read_board(folder)


def test_adding_a_folder_adds_a_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(load_board("mps2-an386").folder, tmp_path / "another")
    description = tmp_path / "another" / "board.toml"
    description.write_text(rename(description.read_text()))
    monkeypatch.setattr(registry, "_FOLDER", tmp_path)
    assert list_boards() == ("another",)
    assert read_board(tmp_path / "another").name == "another"


def test_boards_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_board("mps2-an386").name = "x"


def test_the_command_lists_boards() -> None:
    text = CliRunner().invoke(boards, [])
    assert text.exit_code == 0
    assert "mps2-an386" in text.output
    document = json.loads(CliRunner().invoke(boards, ["--json"]).output)
    (board,) = [Board(**item, folder=Path()) for item in document["boards"] if item["name"] == "mps2-an386"]
    assert board.memory == load_board("mps2-an386").memory
