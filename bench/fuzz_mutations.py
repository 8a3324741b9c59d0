"""Damaged and hostile variants of a `.tflite` file, each a pure function of the file and a random state."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from fuzz_slots import Slot, find_slots

_WORDS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x400000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_SIZES = (-(2**31), -1, 0, 1, 2, 3, 7, 29, 31, 64, 255, 256, 257, 4096, 65535, 1 << 20, 1 << 22, 2**31 - 1)
_SCALES = (0.0, -1.0, float("nan"), float("inf"), 1e-45, 1e-30, 2.0**-32, 2.0**-16, 1.0, 1e9, 3e38)
_ZERO_POINTS = (-(2**63), -32769, -32768, -129, -128, -1, 0, 1, 127, 128, 32767, 2**63 - 1)


@dataclass(frozen=True)
class Sample:
    """One well-formed model; the rest is what its engine is generated for."""

    name: str
    content: bytes
    channels: int
    frame_samples: int
    state: str = "reset"

    @cached_property
    def slots(self) -> dict[str, list[Slot]]:
        """The slots of the model by kind."""
        found: dict[str, list[Slot]] = {}
        for slot in find_slots(self.content):
            found.setdefault(slot.kind, []).append(slot)
        return found

    @cached_property
    def metadata(self) -> list[int]:
        """Positions of all bytes that are not weights: where damage has a meaning."""
        weights = {slot.position for slot in self.slots.get("constant", [])}
        return [i for i in range(len(self.content)) if i not in weights]


Mutation = Callable[[Sample, bytearray, random.Random], bytearray]


def _truncate(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def _bits(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        data[rng.choice(sample.metadata)] ^= 1 << rng.randrange(8)
    return data


def _bytes(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.choice(sample.metadata)] = rng.randrange(256)
    return data


def _words(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = min(rng.choice(sample.metadata) & ~3, len(data) - 4)
        struct.pack_into(
            "<I", data, at, rng.choice((*_WORDS, rng.randrange(2**32), rng.randrange(len(data))))
        )
    return data


def _splice(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
    source, count = rng.choice(sample.metadata), rng.randrange(1, 64)
    piece, at = data[source : source + count], rng.choice(sample.metadata)
    if rng.random() < 0.5:
        return data[:at] + piece + data[at:]
    data[at : at + len(piece)] = piece
    return data


def _fields(*kinds: str) -> Mutation:
    """A mutation that gives one to four numbers of these kinds another value."""

    def mutate(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
        slots = [slot for kind in kinds for slot in sample.slots.get(kind, [])]
        for _ in range(rng.choice((1, 1, 1, 2, 4)) if slots else 0):
            slot = rng.choice(slots)
            _put(data, slot, _value(sample, slot, rng))
        return data

    return mutate


def _value(sample: Sample, slot: Slot, rng: random.Random) -> float:
    """A likely troublemaker, the value of another slot of that kind, or the neighbour of the present one."""
    if slot.layout == "<f":
        return rng.choice((*_SCALES, rng.uniform(0, 2), 2.0 ** rng.randrange(-40, 40)))
    (present,) = struct.unpack_from(slot.layout, sample.content, slot.position)
    alike = [other for other in sample.slots[slot.kind] if other.layout == slot.layout]
    (other,) = struct.unpack_from(slot.layout, sample.content, rng.choice(alike).position)
    troublemakers = {"<q": _ZERO_POINTS, "<i": _SIZES}.get(slot.layout, _WORDS)
    return rng.choice((present + 1, present - 1, 2 * present, other, other, *rng.choices(troublemakers, k=3)))


def _put(data: bytearray, slot: Slot, value: float) -> None:
    """Write a value, wrapped to the slot's width."""
    size = struct.calcsize(slot.layout)
    if slot.layout == "<f":
        struct.pack_into("<f", data, slot.position, value)
    else:
        data[slot.position : slot.position + size] = (int(value) % (1 << (8 * size))).to_bytes(size, "little")


def _dimension(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
    """Another size for a dimension wherever it occurs, so that shapes still fit each other."""
    slots = sample.slots["shape"]
    (old,) = struct.unpack_from("<i", data, rng.choice(slots).position)
    new = rng.choice((old + 1, old - 1, 2 * old, 1, 0, rng.choice(_SIZES), rng.randrange(1, 300)))
    for slot in slots:
        if struct.unpack_from("<i", data, slot.position)[0] == old:
            _put(data, slot, new)
    return data


def _constants(sample: Sample, data: bytearray, rng: random.Random) -> bytearray:
    """Other weights, biases and indices: mostly still a model, with extreme values."""
    slots = sample.slots["constant"]
    for _ in range(rng.choice((1, 4, 64, 512))):
        slot = rng.choice(slots)
        data[slot.position] = rng.choice((0, 1, 0x7F, 0x80, 0x81, 0xFF, rng.randrange(256)))
    return data


MUTATIONS: dict[str, Mutation] = {
    "truncated": _truncate,
    "bits": _bits,
    "bytes": _bytes,
    "words": _words,
    "spliced": _splice,
    "offsets": _fields("offset", "vtable", "field"),
    "lengths": _fields("length"),
    "shapes": _fields("shape"),
    "dimensions": _dimension,
    "types": _fields("type", "flag", "options_type"),
    "quantization": _fields("scale", "zero_point", "dimension"),
    "operators": _fields("opcode", "builtin", "version"),
    "references": _fields("reference"),
    "options": _fields("option"),
    "buffers": _fields("buffer", "outside"),
    "constants": _constants,
}


def mutant(samples: list[Sample], seed: int, index: int) -> tuple[Sample, str, bytes]:
    """Input number ``index``: its sample, the kind of its last mutation, and its bytes."""
    rng = random.Random(f"{seed}/{index}")
    sample, kind = rng.choice(samples), rng.choice(list(MUTATIONS))
    data = bytearray(sample.content)
    if rng.random() < 0.2:  # two kinds of damage in one file; the first keeps the length
        data = MUTATIONS[rng.choice(("bits", "shapes", "options", "references", "quantization"))](
            sample, data, rng
        )
    return sample, kind, bytes(MUTATIONS[kind](sample, data, rng))
