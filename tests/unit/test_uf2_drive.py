"""Flashing by copying a UF2 file to the drive of a board's bootloader."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from board_images import fake_image
from fake_tools import call, error_of

from myofin.boards.registry import load_board
from myofin.errors import BoardError, LinkError
from myofin.firmware_bridge import uf2_drive
from myofin.firmware_bridge.build import Image
from myofin.firmware_bridge.flash import plan_flash, run_flash
from myofin.firmware_bridge.uf2_drive import find_drive, mounted_folders


@pytest.fixture(scope="module")
def images() -> dict[str, Image]:
    return {name: fake_image(name, 4) for name in ("pico2",)}


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drive of a Pico 2, beside others."""
    ids = {"stick": None, "pico": "RPI-RP2", "pico2 drive": "RP2350"}
    for name, board_id in ids.items():
        (tmp_path / name).mkdir()
        if board_id is not None:
            info = f"UF2 Bootloader v1.0\r\nModel: Raspberry Pi\r\nBoard-ID: {board_id}\r\n"
            (tmp_path / name / "INFO_UF2.TXT").write_text(info)
    monkeypatch.setattr(uf2_drive, "mounted_folders", lambda: [tmp_path / name for name in ids])
    return tmp_path / "pico2 drive"


def test_uf2_is_copied_to_the_board_s_drive(images: dict[str, Image], drive: Path) -> None:
    done = call(images["pico2"].folder)
    assert done.exit_code == 0, done.exception
    assert (drive / "firmware.uf2").read_bytes() == (images["pico2"].folder / "firmware.uf2").read_bytes()
    assert [path.name for path in (drive.parent / "pico").iterdir()] == ["INFO_UF2.TXT"]


def test_without_a_drive_the_button_is_named(
    images: dict[str, Image], monkeypatch: pytest.MonkeyPatch, drive: Path
) -> None:
    shutil.rmtree(drive)
    error = error_of(call(images["pico2"].folder))
    assert isinstance(error, LinkError)
    assert error.message == "No drive of a pico2 is mounted."
    assert "BOOTSEL" in error.hint


def test_two_drives_are_too_many(drive: Path) -> None:
    uf2 = load_board("pico2").uf2
    assert uf2 is not None
    shutil.copytree(drive, drive.parent / "second")
    with pytest.raises(LinkError, match="Several drives of a pico2"):
        find_drive("pico2", uf2, "", [drive, drive.parent / "second"])


def test_a_full_drive_is_a_sentence(images: dict[str, Image], drive: Path) -> None:
    (drive / "firmware.uf2").mkdir()
    with pytest.raises(BoardError, match="did not take the file"):
        run_flash(plan_flash(images["pico2"], load_board("pico2"), tool="uf2"))


def test_mounted_drives_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text("/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /media/me/RPI\\040RP2 vfat rw 0 0\n")
    monkeypatch.setattr(uf2_drive, "_MOUNTS", table)
    monkeypatch.setattr(uf2_drive.sys, "platform", "linux")
    assert mounted_folders() == [Path("/"), Path("/media/me/RPI RP2")]
