"""Images of every physical board: built without a warning, checked by binutils too; damaged, refused."""

from __future__ import annotations

import binascii
import random
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from board_images import PHYSICAL, fake_image

from myofin.boards.registry import load_board
from myofin.errors import CheckError
from myofin.firmware_bridge.boot import boot2_checksum
from myofin.firmware_bridge.build import Image, load_image
from myofin.firmware_bridge.elf import Segment, read_elf
from myofin.firmware_bridge.image_check import check_image
from myofin.firmware_bridge.uf2 import decode_uf2, encode_uf2

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def images() -> dict[str, Image]:
    return {name: fake_image(name, 4) for name in PHYSICAL}


def binutils(tool: str, *arguments: str | Path) -> str:
    command = [f"arm-none-eabi-{tool}", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_there_are_physical_boards() -> None:
    assert {"nano33ble", "nucleo-f446re", "pico", "pico2"} <= set(PHYSICAL)


@pytest.mark.parametrize("name", PHYSICAL)
def test_what_binutils_see_is_what_the_board_needs(images: dict[str, Image], name: str) -> None:
    image, memory = images[name], load_board(name).memory
    header = binutils("readelf", "-h", "-A", image.elf)
    assert "ELF32" in header
    assert "2's complement, little endian" in header
    entry = int(re.search(r"Entry point address:\s+(0x[0-9a-f]+)", header)[1], 16)  # type: ignore[index]
    flash = (image.folder / "firmware.bin").read_bytes()
    symbols = {
        words[2]: int(words[0], 16)
        for words in map(str.split, binutils("nm", image.elf).splitlines())
        if len(words) == 3
    }
    stack, reset = struct.unpack_from("<II", flash, symbols["vectors"] - memory.flash_origin)
    assert stack == symbols["stack_top"] == memory.ram_origin + memory.stack_bytes
    assert reset == entry == symbols["reset_handler"] | 1
    assert symbols["vectors"] == memory.flash_origin + (256 if name == "pico" else 0)
    loads = re.findall(r"LOAD\s+\S+ (0x\w+) (0x\w+) (0x\w+) (0x\w+)", binutils("readelf", "-lW", image.elf))
    for virtual, physical, in_file, in_memory in (tuple(int(word, 16) for word in load) for load in loads):
        if in_file:
            assert memory.flash_origin <= physical
            assert physical + in_file <= memory.flash_origin + memory.flash_bytes
        in_ram = memory.ram_origin <= virtual <= memory.ram_origin + memory.ram_bytes - in_memory
        assert in_ram or virtual == memory.flash_origin


@pytest.mark.parametrize("name", PHYSICAL)
def test_sizes_are_what_binutils_count(images: dict[str, Image], name: str) -> None:
    image = images[name]
    found = dict(re.findall(r"^(\.\S+)\s+(\d+)\s", binutils("size", "-A", image.elf), re.MULTILINE))

    def total(*sections: str) -> int:
        return sum(int(found.get(section, 0)) for section in sections)

    assert image.sizes.flash_code == total(".boot2", ".text")
    assert image.sizes.flash_constants == total(".rodata", ".ARM.exidx", ".data")
    assert image.sizes.ram_static == total(".data", ".bss")
    assert load_image(image.folder).sizes == image.sizes


def test_the_checksum_is_the_rom_s() -> None:
    def mirrored(data: bytes) -> bytes:
        return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)

    for data in (b"", b"123456789", bytes(range(252))):
        plain = binascii.crc32(mirrored(data)) ^ 0xFFFF_FFFF
        assert boot2_checksum(data) == int(f"{plain:032b}"[::-1], 2)
    assert boot2_checksum(b"123456789") == 0x0376_E6E7  # CRC-32/MPEG-2's check value


def test_uf2_blocks_are_as_the_format_says(images: dict[str, Image]) -> None:
    folder = images["pico2"].folder
    file, flash = (folder / "firmware.uf2").read_bytes(), (folder / "firmware.bin").read_bytes()
    blocks = [file[start : start + 512] for start in range(0, len(file), 512)]
    assert len(blocks) == -(-len(flash) // 256)
    for number, block in enumerate(blocks):
        words = struct.unpack("<8I", block[:32])
        assert words == (
            *(0x0A324655, 0x9E5D5157, 0x2000, 0x1000_0000 + 256 * number, 256),
            *(number, len(blocks), 0xE48BFF59),
        )
        assert block[32:288] == flash[256 * number :][:256].ljust(256, b"\0")
        assert block[288:508] == bytes(220)
        assert block[508:] == b"\x30\x6f\xb1\x0a"


@pytest.mark.parametrize("size", [1, 255, 256, 257, 5000])
def test_uf2_gives_the_image_back(size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    written = decode_uf2(encode_uf2(Segment(0x1000_0000, data), 7), 7)
    assert written.data[:size] == data
    assert not any(written.data[size:])


def patch(file: str, offset: int, value: bytes) -> Damage:
    def damage(folder: Path) -> None:
        data = bytearray((folder / file).read_bytes())
        data[offset : offset + len(value)] = value
        (folder / file).write_bytes(data)

    return damage


def vector(number: int, value: int) -> Damage:
    """Damage one word of the vector table, in the ELF file."""

    def damage(folder: Path) -> None:
        elf = read_elf(folder / "firmware.elf")
        (text,) = (section for section in elf.sections if section.name == ".text")
        offset = text.file_offset + elf.symbols["vectors"][0] - text.address + 4 * number
        patch("firmware.elf", offset, struct.pack("<I", value))(folder)

    return damage


def shorter(folder: Path) -> None:
    (folder / "firmware.uf2").write_bytes((folder / "firmware.uf2").read_bytes()[:-512])


def find(needle: bytes, value: bytes) -> Damage:
    """Replace bytes that occur once in the ELF file."""

    def damage(folder: Path) -> None:
        data = (folder / "firmware.elf").read_bytes()
        assert data.count(needle) == 1
        (folder / "firmware.elf").write_bytes(data.replace(needle, value))

    return damage


BLOCK = struct.pack("<I", 0xFFFF_DED3)
BLOCK_END = struct.pack("<I", 0xAB12_3579)
DAMAGES = [
    ("nano33ble", patch("firmware.elf", 0, b"\x7fEXE"), "no readable ELF file"),
    ("nano33ble", patch("firmware.elf", 4, b"\2"), "no readable ELF file"),
    ("nano33ble", patch("firmware.elf", 18, b"\x03"), "not for a little-endian 32-bit Arm"),
    ("nano33ble", lambda folder: (folder / "firmware.elf").unlink(), "no readable ELF file"),
    ("nano33ble", vector(0, 0x2000_2004), "stack pointer at 0x20002004, not at an aligned address in RAM"),
    ("nano33ble", vector(0, 0x2004_0008), "stack pointer at 0x20040008"),
    ("nano33ble", vector(0, 0x2000_0000), "stack pointer at 0x20000000"),
    ("nano33ble", vector(1, 0x0001_0100), "resets to 0x00010100, but its entry is"),
    ("nano33ble", vector(3, 0x0001_0100), "even address 0x00010100 in vector 3"),
    ("nano33ble", vector(18, 0x0000_0101), "vector 18 point to 0x00000101, outside its code"),
    ("nano33ble", patch("firmware.bin", 100, b"\xff\xfe"), "firmware.bin that is not what its ELF"),
    ("nano33ble", lambda folder: (folder / "firmware.bin").unlink(), r"no readable firmware\.bin"),
    ("pico", patch("firmware.uf2", 512, b"\0"), "block 1 is damaged"),
    ("pico", patch("firmware.uf2", 508, b"\0"), "block 0 is damaged"),
    ("pico", patch("firmware.uf2", 28, b"\x59"), "for the family 0xe48bff59, not 0xe48bff56"),
    ("pico", patch("firmware.uf2", 512 + 20, b"\7"), "block 1 is out of order"),
    ("pico", patch("firmware.uf2", 512 + 12, b"\1"), "block 1 is out of order"),
    ("pico", patch("firmware.uf2", 40, b"\xff"), r"firmware\.uf2 that is not what its ELF"),
    ("pico", shorter, "block 0 is out of order"),
    ("pico", lambda folder: (folder / "firmware.uf2").write_bytes(b"abc"), "no whole number of blocks"),
    ("pico", find(struct.pack("<I", 0x0300_0218), bytes(4)), "second boot stage with checksum"),
    ("pico2", find(BLOCK, bytes(4)), "no block in its first 4 KiB"),
    ("pico2", find(BLOCK_END, bytes(4)), "malformed"),
    ("pico2", find(b"\x42\x01\x21\x10", b"\x42\x01\x21\x11"), "not described as an Arm executable"),
]


@pytest.mark.parametrize(("name", "damage", "words"), DAMAGES)
def test_a_damaged_image_is_refused(
    images: dict[str, Image], tmp_path: Path, name: str, damage: Damage, words: str
) -> None:
    image, board = images[name], load_board(name)
    folder = tmp_path / name
    shutil.copytree(image.folder, folder)
    check_image(folder, board, image.sizes)
    damage(folder)
    with pytest.raises(CheckError, match=words) as caught:
        check_image(folder, board, image.sizes)
    assert "myofin build" in caught.value.hint


def test_no_damage_is_more_than_a_refusal(images: dict[str, Image], tmp_path: Path) -> None:
    image, board, rng = images["pico2"], load_board("pico2"), random.Random(1)
    folder = shutil.copytree(image.folder, tmp_path / "image")
    whole = image.elf.read_bytes()
    (tables,) = struct.unpack_from("<I", whole, 32)
    refused = 0
    for _ in range(80):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[rng.choice((rng.randrange(200), rng.randrange(tables, len(whole))))] = rng.randrange(256)
        (folder / "firmware.elf").write_bytes(damaged[: rng.choice((len(whole), rng.randrange(len(whole))))])
        try:
            check_image(folder, board, image.sizes)
        except CheckError:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        ({"flash_origin": 0, "flash_bytes": 65_536}, "has neither flash nor RAM"),
        ({"flash_origin": 0}, "has its vector table at 0x00010000; cortex-m4 looks for it at 0x00000000"),
        ({"ram_bytes": 8_200}, r"puts \.bss at 0x20002000 to .* neither flash nor RAM"),
    ],
)
def test_an_image_for_another_memory_is_refused(
    images: dict[str, Image], memory: dict[str, int], words: str
) -> None:
    image, board = images["nano33ble"], load_board("nano33ble")
    other = board.model_copy(update={"memory": board.memory.model_copy(update=memory)})
    with pytest.raises(CheckError, match=words):
        check_image(image.folder, other, image.sizes)


def test_sizes_that_are_not_the_image_s_are_refused(images: dict[str, Image]) -> None:
    sizes = images["pico"].sizes
    with pytest.raises(CheckError, match="has sizes"):
        check_image(images["pico"].folder, load_board("pico"), images["pico2"].sizes)
    check_image(images["pico"].folder, load_board("pico"), sizes)
