"""Boards: every description holds, and what is wrong with one is said."""

from __future__ import annotations

import json
import re
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
    assert (board.folder / board.build.linker_script).is_file()
    assert json.loads(json.dumps(board.document()))["name"] == name


def lines_of_code(path: Path) -> int:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    return sum(1 for line in text.splitlines() if line.strip())


@pytest.mark.parametrize("name", list_boards())
def test_a_port_is_small(name: str) -> None:
    board = load_board(name)
    sources = {(board.folder / source).resolve() for source in board.build.sources}
    headers = {path for source in sources for path in source.parent.glob("*.h")}
    own = [path for path in sources | headers if path.parent.name not in ("cortex-m", "emulated")]
    assert 50 < sum(map(lines_of_code, own)) < 300


@pytest.mark.parametrize("name", list_boards())
def test_what_is_not_emulated_can_be_flashed_wired_and_sampled(name: str) -> None:
    board = load_board(name)
    assert {"uart_base", "uart_rx_irq", "uart_tx_irq"} <= set(board.registers)
    assert 1 < board.counter.hz / board.link.baud < 1000
    if board.emulator is not None:
        assert {"recording_base", "recording_bytes"} <= set(board.registers)
        return
    assert board.counter.kind == "cycles"
    assert board.counter.hz == board.counter.units_per_second == board.clock_hz
    assert len(board.flashers) >= 2, "a tool may be missing"
    assert len({way.tool for way in board.flashers}) == len(board.flashers)
    assert all(way.prepare.endswith(".") or way.tool == "pyocd" for way in board.flashers)
    assert all(way.usb for way in board.flashers if way.needs_port)
    assert board.afe is not None
    assert "afe_irq" in board.registers


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


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text.replace("{elf}", "{exe}"), r"flashers.1.args: .*\{exe\} is not one of elf, bin"),
        (lambda text: text.replace('tool = "pyocd"', 'tool = "hammer"'), "flashers.1.tool"),
        (lambda text: re.sub(r"\[uf2\].*?\n\n", "", text, flags=re.DOTALL), "needs the table uf2"),
        (lambda text: re.sub(r"wiring = .*", "", text), "a physical board needs"),
        (lambda text: text.replace('"2e8a:000c"', '"2E8A/000C"'), "link.usb.0"),
        (lambda text: text.replace("channels = 3", "channels = 4"), "a pin of its own"),
        (lambda text: text + '\n[emulator]\nprogram = "x"\nmachine = "y"\n', "is not flashed"),
    ],
)
def test_a_bad_physical_description_is_named(
    tmp_path: Path, damage: Callable[[str], str], words: str
) -> None:
    folder = tmp_path / "pico2"
    shutil.copytree(load_board("pico2").folder, folder)
    description = folder / "board.toml"
    text = description.read_text()
    description.write_text(damage(text))
    assert damage(text) != text
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
