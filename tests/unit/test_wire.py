"""The wire: round trips, robustness against anything, and generated files that cannot drift."""

from __future__ import annotations

import zlib
from dataclasses import fields
from typing import Any

import pytest
from cobs import cobs
from hypothesis import given, settings
from hypothesis import strategies as st
from native_board import library

from myofin.firmware_bridge import wire, wire_codegen
from myofin.firmware_bridge.framing import Damage, Frame, FrameReader, decode_body, encode_frame
from myofin.firmware_bridge.wire_layout import Payload, fixed_bytes, has_rest, unpack
from myofin.firmware_bridge.wire_layout import layout as layout_of

PATIENT = settings(deadline=None)  # the machine may be busy
FRAMES = st.builds(Frame, st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=700))
MESSAGES = (*wire.REQUESTS, *wire.REPLIES)


def read_all(data: bytes) -> list[Frame | Damage]:
    return list(FrameReader().feed(data))


def sample(message: type[Payload]) -> Payload:
    values: dict[str, Any] = {}
    for number, (name, layout) in enumerate(layout_of(message).items()):
        if layout.c_type == "char":
            values[name] = f"text{number}"
        elif not layout.format or layout.format.endswith("s"):
            values[name] = bytes(range(layout.size or 5))
        else:
            values[name] = (0x01020304 + number) % (1 << 8 * layout.size)
    return message(**values)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.NAME)
def test_every_message_survives_packing(message: type[Payload]) -> None:
    packed = sample(message).pack()
    assert unpack(message, packed) == sample(message)
    if fixed_bytes(message):
        with pytest.raises(ValueError, match=message.NAME):
            unpack(message, packed[: fixed_bytes(message) - 1])
    if not has_rest(message):
        with pytest.raises(ValueError, match=message.NAME):
            unpack(message, packed + b"x")


def test_types_are_unique_and_replies_marked() -> None:
    types = [message.TYPE for message in MESSAGES]
    assert len(set(types)) == len(types)
    assert all(message.TYPE & wire.REPLY_BIT for message in wire.REPLIES)
    assert not any(message.TYPE & wire.REPLY_BIT for message in wire.REQUESTS)
    for message in MESSAGES:
        names = [item.name for item in fields(message)]  # type: ignore[arg-type]
        assert all(layout_of(message)[name].format for name in names[:-1]), "only the last may vary"


def test_every_error_code_has_words() -> None:
    assert set(wire.ERROR_TEXTS) == set(wire.ErrorCode)


def test_generated_files_have_not_drifted() -> None:
    for path, text in wire_codegen.files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run {wire_codegen._REGENERATE}"
    assert wire_codegen.main([]) == 0


@PATIENT
@given(FRAMES)
def test_a_frame_round_trips(frame: Frame) -> None:
    encoded = encode_frame(frame)
    assert encoded[1:-1].count(0) == 0
    assert read_all(encoded) == [frame]


@PATIENT
@given(st.lists(FRAMES, max_size=4), st.data())
def test_frames_survive_any_cutting_into_pieces(frames: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(frame) for frame in frames)
    reader, found = FrameReader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += list(reader.feed(stream[:size]))
        stream = stream[size:]
    assert found == frames


@PATIENT
@given(st.binary(max_size=400))
def test_garbage_is_never_a_frame(garbage: bytes) -> None:
    assert not [item for item in read_all(garbage + b"\0") if isinstance(item, Frame)]


@PATIENT
@given(FRAMES, st.binary(max_size=100))
def test_a_frame_after_garbage_is_found(frame: Frame, garbage: bytes) -> None:
    assert read_all(garbage + encode_frame(frame))[-1] == frame


@PATIENT
@given(FRAMES, st.data())
def test_flipped_bits_are_noticed(frame: Frame, data: st.DataObject) -> None:
    encoded = bytearray(encode_frame(frame))
    flips = data.draw(st.sets(st.integers(8, 8 * len(encoded) - 9), min_size=1, max_size=3))
    for flip in flips:
        encoded[flip // 8] ^= 1 << flip % 8
    assert frame not in read_all(bytes(encoded))
    assert not [item for item in read_all(bytes(encoded)) if isinstance(item, Frame)]


@PATIENT
@given(FRAMES, st.data())
def test_truncation_is_noticed(frame: Frame, data: st.DataObject) -> None:
    encoded = encode_frame(frame)
    kept = data.draw(st.integers(1, len(encoded) - 2))
    assert not [item for item in read_all(encoded[:kept] + b"\0") if isinstance(item, Frame)]


def test_endless_noise_is_given_up_and_counted_once() -> None:
    reader = FrameReader()
    found = [item for _ in range(10) for item in reader.feed(b"\1" * 50_000)]
    assert found == [Damage.FRAMING]
    assert list(reader.feed(b"\0" + encode_frame(Frame(1, 2, b"x")))) == [Frame(1, 2, b"x")]


def test_short_bodies_are_damage() -> None:
    assert decode_body(cobs.encode(b"short")) is Damage.FRAMING


@PATIENT
@given(st.binary(max_size=600))
def test_firmware_and_host_agree_on_crc32(data: bytes) -> None:
    assert library().crc32_of(data, len(data)) == zlib.crc32(data)
