"""Links that come back, and boards that are looked for: over pseudo-terminals with firmware behind them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from native_board import NativeBoard
from pseudo_port import port

from myofin.errors import LinkError
from myofin.firmware_bridge.discovery import candidate_ports, find_board
from myofin.firmware_bridge.link import Link, LinkLostError
from myofin.firmware_bridge.returning import ReturningLink, SamePort
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.silence import explain_silence


class Channel:
    """A link that is lost when told so."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = self.closed = False
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._check()
        self.sent.append(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self._check()
        return b"data"

    def close(self) -> None:
        self.closed = True

    def _check(self) -> None:
        if self.lost:
            raise LinkLostError(f"{self.name} was lost.", hint="Check the cable.")


class Openings:
    """Gives channels one after the other; ``None`` is a port that is not there."""

    def __init__(self, *channels: Channel | None) -> None:
        self._channels = list(channels)
        self.now_s = 0.0

    def __call__(self) -> Link:
        channel = self._channels.pop(0) if self._channels else None
        if channel is None:
            raise LinkError("There is no port.", hint="Plug it in.")
        return channel

    def link(self) -> ReturningLink:
        return ReturningLink(self, return_s=5.0, clock=lambda: self.now_s, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_a_port_that_returns_under_another_name() -> None:
    first, second = Channel("ttyACM0"), Channel("ttyACM1")
    openings = Openings(first, None, None, second)
    link = openings.link()
    link.write(b"a")
    first.lost = True
    assert link.read(10, 1.0) == b"", "nothing came; who asked will ask again"
    assert (link.name, link.losses, first.closed) == ("ttyACM1", 1, True)
    assert openings.now_s == pytest.approx(0.2)
    assert link.read(10, 1.0) == b"data"


def test_what_is_written_to_a_lost_port_is_written_again() -> None:
    first, second = Channel("ttyACM0"), Channel("ttyACM0")
    link = Openings(first, second).link()
    first.lost = True
    link.write(b"request")
    assert second.sent == [b"request"]


def test_a_port_that_does_not_return_ends_in_a_sentence() -> None:
    first = Channel("ttyACM0")
    openings = Openings(first)
    link = openings.link()
    first.lost = True
    with pytest.raises(LinkError, match=r"ttyACM0 was lost and did not return within 5 s\.") as caught:
        link.read(10, 1.0)
    assert caught.value.hint == "Check the cable."
    assert openings.now_s == pytest.approx(5.0, abs=0.2)


def usb(device: str, vid: int | None, pid: int | None = 1, serial: str = "A") -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid, serial_number=serial)


def test_the_same_device_is_opened_whatever_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, int]] = []
    monkeypatch.setattr(
        "myofin.firmware_bridge.returning.SerialLink", lambda url, baud: opened.append((url, baud))
    )
    ports = [usb("ttyACM0", 0x2341), usb("ttyACM1", 0x2341, serial="B")]
    same = SamePort("ttyACM0", baud=1_000_000, ports=lambda: ports)
    same()
    ports[:] = [usb("ttyACM0", 0x2341, serial="B"), usb("ttyACM7", 0x2341)]
    same()
    ports.clear()
    same()
    assert opened == [("ttyACM0", 1_000_000), ("ttyACM7", 1_000_000), ("ttyACM0", 1_000_000)]


def test_candidates_begin_with_the_ids_of_the_board() -> None:
    ports = [usb("ttyS0", None), usb("ttyACM1", 0x2341, 0x805A), usb("ttyACM0", 0x1FC9, 0x0001)]
    assert candidate_ports(("2341:805a",), lambda: ports) == ("ttyACM1", "ttyACM0", "ttyS0")


def heard(board: NativeBoard) -> Callable[[bytes], bytes]:
    """What a board says to what it hears."""

    def answer(data: bytes) -> bytes:
        board.write(data)
        return board.read(1 << 16, 0.0)

    return answer


def nothing(data: bytes) -> bytes:
    """What a silent port says."""
    return b""


def test_a_board_is_found_among_ports() -> None:
    with port(heard(NativeBoard())) as right, port(nothing) as silent:
        candidates = (silent, "/dev/ttyNONE", right)
        assert find_board("mps2-an386", candidates, baud=115_200) == right
        with pytest.raises(LinkError) as caught:
            find_board("nano33ble", candidates, baud=115_200)
    told = caught.value.message
    assert f"{right}: mps2-an386" in told
    assert f"{silent}: The board on {silent} did not answer HELLO" in told
    assert "There is no port /dev/ttyNONE" in told


def test_no_port_and_several_boards_end_in_a_sentence() -> None:
    with pytest.raises(LinkError, match="There is no serial port"):
        find_board("mps2-an386", (), baud=115_200)
    with (
        port(heard(NativeBoard())) as one,
        port(heard(NativeBoard())) as other,
        pytest.raises(LinkError, match="Several boards answer") as caught,
    ):
        find_board("mps2-an386", (one, other), baud=115_200)
    assert caught.value.hint == "Choose one with --port."


@pytest.mark.parametrize(
    ("heard", "says"),
    [
        (b"", "did not answer HELLO, asked 5 times"),
        (b"boot\r\nready>", "it says 'boot'"),
        (bytes(range(128, 200)), "is no answer to HELLO, asked 5 times"),
    ],
)
def test_silence_is_explained_by_what_came(heard: bytes, says: str) -> None:
    error = explain_silence("ttyACM0", "HELLO", 5, heard)
    assert says in error.message
    assert error.exit_code == 3


def test_a_session_goes_on_over_a_link_that_was_lost() -> None:
    class Losing(NativeBoard):
        reads = 0

        def read(self, max_bytes: int, timeout_s: float) -> bytes:
            self.reads += 1
            if self.reads == 2:
                self._pending = b""
                raise LinkLostError("gone", hint="")
            return super().read(max_bytes, timeout_s)

    board = Losing()
    session = BoardSession(ReturningLink(lambda: board), clock=board.clock)
    session.hello()
    session.stats()
    assert session.counters.retransmits == 1
    assert session.stats().duplicates == 1, "asked twice, carried out once"
    assert board.clock.now_s == 0.0, "a link that has returned is asked at once"
