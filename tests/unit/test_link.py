"""Serial links: real ports and sockets, and each way in which they fail."""

from __future__ import annotations

import errno
import os
import pty
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from myofin.errors import LinkError
from myofin.firmware_bridge.link import SerialLink, open_link


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def url_of(server: socket.socket) -> str:
    return f"socket://127.0.0.1:{server.getsockname()[1]}"


def test_bytes_go_both_ways_over_a_socket(server: socket.socket) -> None:
    with open_link(url_of(server)) as link:
        peer, _ = server.accept()
        link.write(b"question")
        assert peer.recv(100) == b"question"
        peer.sendall(b"answer")
        assert link.read(100, 2.0) == b"answer"
        peer.sendall(b"xy")
        assert link.read(1, 2.0) + link.read(1, 2.0) == b"xy"
        assert link.read(100, 0.01) == b""
        assert link.name == url_of(server)


def test_a_serial_port_works_and_is_ours_alone() -> None:
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    with open_link(name, baud=115_200) as link:
        link.write(b"question")
        assert os.read(master, 100) == b"question"
        os.write(master, b"answer")
        assert link.read(100, 2.0) == b"answer"
        with pytest.raises(LinkError, match="used by another program"):
            SerialLink(name)
    os.close(master)
    os.close(slave)


def test_a_port_that_is_unplugged_ends_in_a_sentence() -> None:
    master, slave = pty.openpty()
    with open_link(os.ttyname(slave)) as link:
        os.close(slave)
        os.close(master)
        with pytest.raises(LinkError, match="was lost"):
            link.read(10, 2.0)


def test_a_closed_connection_ends_in_a_sentence(server: socket.socket) -> None:
    with open_link(url_of(server)) as link:
        peer, _ = server.accept()
        peer.close()
        with pytest.raises(LinkError, match="was lost"):
            link.read(10, 2.0)


def test_a_missing_port_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="There is no port") as caught:
        SerialLink(str(tmp_path / "ttyNONE"))
    assert caught.value.exit_code == 3


def test_a_refused_connection_ends_in_a_sentence(server: socket.socket) -> None:
    url = url_of(server)
    server.close()
    with pytest.raises(LinkError, match="could not be opened"):
        SerialLink(url)


def test_a_forbidden_port_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(LinkError, match="No permission") as caught:
        SerialLink("/dev/ttyACM0")
    assert "dialout" in caught.value.hint


def test_a_reader_that_stalls_ends_in_a_sentence(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myofin.firmware_bridge.link._WRITE_TIMEOUT_S", 0.2)
    with open_link(url_of(server)) as link:
        peer, _ = server.accept()
        done = threading.Timer(20, peer.close)
        done.start()
        with pytest.raises(LinkError, match="took no more bytes"):
            link.write(bytes(50_000_000))
        done.cancel()
        peer.close()
