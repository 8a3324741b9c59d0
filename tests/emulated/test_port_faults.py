"""What goes wrong on a port: one sentence and the right exit code, or nothing but a repeat."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import myofin

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from mlperf_tiny import terminal
from pseudo_port import port

from myofin.boards.registry import load_board
from myofin.firmware_bridge.build import Image, build_bundle
from myofin.firmware_bridge.emulator import emulated
from myofin.firmware_bridge.link import SerialLink

BOARD = load_board("mps2-an386")
SUSPENDED_S = 5.0


def validate(bundle: Path, url: str, out: Path, *more: object) -> subprocess.CompletedProcess[str]:
    arguments = ("validate", bundle, "--board", BOARD.name, "--port", url, "--windows", 20, "--out", out)
    return myofin(*arguments, *more, check=False)


def fails(bundle: Path, url: str, out: Path, *, says: str) -> None:
    done = validate(bundle, url, out)
    assert done.returncode == 3, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("error: ")
    assert says in lines[0]
    assert lines[1].startswith("  fix: ")
    assert not out.exists()


def heard_at_another_rate(data: bytes) -> bytes:
    """What a receiver makes of a line that runs at twice its rate: each bit it takes is every second one."""
    line = [bit for byte in data for bit in (0, *((byte >> i) & 1 for i in range(8)), 1)]
    heard, at = bytearray(), 0
    while at + 20 <= len(line):
        if line[at]:
            at += 1
            continue
        heard.append(sum(line[at + 2 + 2 * i] << i for i in range(8)))
        at += 20
    return bytes(heard)


@pytest.fixture(scope="module")
def image(small_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build_bundle(small_bundle, BOARD, tmp_path_factory.mktemp("built") / "image")


def test_a_board_on_a_port_is_validated(small_bundle: Path, image: Image, tmp_path: Path) -> None:
    with emulated(image, BOARD) as url, terminal(url) as name:
        done = validate(small_bundle, name, tmp_path / "out", "--image", image.folder)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["bundle"]["build_id"] == image.build_id
    assert report["memory"]["flash_code"] == image.sizes.flash_code


def test_a_board_that_differs_needs_a_traced_image(small_bundle: Path, tmp_path: Path) -> None:
    from test_where_it_differs import FAULTS, plant

    edit, stage = FAULTS["input weight"]
    bundle = plant(small_bundle, tmp_path / "bundle", edit)
    for trace, says in ((False, "myofin build --trace"), (True, f"({stage})")):
        built = build_bundle(bundle, BOARD, tmp_path / "image", trace=trace)
        with emulated(built, BOARD) as url:
            done = validate(bundle, url, tmp_path / "out")
        assert done.returncode == 1, done.stderr
        assert says in done.stdout


def test_another_board_or_image_is_refused(small_bundle: Path, image: Image, tmp_path: Path) -> None:
    other = shutil.copytree(image.folder, tmp_path / "other")
    text = (other / "image.json").read_text()
    (other / "image.json").write_text(text.replace(image.build_id, "00" * 32))
    out = tmp_path / "out"
    with emulated(image, BOARD) as url:
        arguments = ("validate", small_bundle, "--board", "mps2-an385", "--port", url, "--out", out)
        done = myofin(*arguments, check=False)
        assert done.returncode == 3
        assert "The board on the port is mps2-an386, not mps2-an385." in done.stderr
        done = validate(small_bundle, url, out, "--image", other)
        assert done.returncode == 3
        assert "is not the image" in done.stderr


def test_no_port(small_bundle: Path, tmp_path: Path) -> None:
    fails(small_bundle, str(tmp_path / "ttyNONE"), tmp_path / "out", says="There is no port")


def test_a_busy_port(small_bundle: Path, tmp_path: Path) -> None:
    with port(lambda data: b"") as name:
        held = SerialLink(name)
        fails(small_bundle, name, tmp_path / "out", says="is used by another program")
        held.close()


def test_a_board_that_never_answers(small_bundle: Path, tmp_path: Path) -> None:
    with port(lambda data: b"") as name:
        fails(small_bundle, name, tmp_path / "out", says="did not answer HELLO, asked 5 times")


def test_other_firmware(small_bundle: Path, tmp_path: Path) -> None:
    with port(lambda data: b"Hello from Arduino!\r\n") as name:
        fails(small_bundle, name, tmp_path / "out", says="to HELLO it says 'Hello from Arduino!'")


def test_another_baud_rate(small_bundle: Path, image: Image, tmp_path: Path) -> None:
    with emulated(image, BOARD) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as board:

            def answer(data: bytes) -> bytes:
                """Both hear each other at twice or half the rate; the board is asked soundly, too."""
                board.sendall(heard_at_another_rate(data) + data)
                time.sleep(0.05)
                return heard_at_another_rate(board.recv(4096))

            with port(answer) as name:
                fails(small_bundle, name, tmp_path / "out", says="is no answer to HELLO")


def test_a_port_that_is_unplugged(small_bundle: Path, image: Image, tmp_path: Path) -> None:
    """It does not return within 10 s."""
    with emulated(image, BOARD) as url, lossy(url, returns=False) as name:
        fails(small_bundle, name, tmp_path / "out", says="did not return within 10 s")


def test_a_port_that_returns_costs_a_repeat(small_bundle: Path, image: Image, tmp_path: Path) -> None:
    with emulated(image, BOARD) as url, lossy(url, returns=True) as name:
        done = validate(small_bundle, name, tmp_path / "out")
    assert done.returncode == 0, done.stderr


@contextmanager
def lossy(url: str, *, returns: bool) -> Iterator[str]:
    """A port, as a URL, that breaks off in the middle of a validation, and takes another caller or not."""
    address = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with socket.create_connection((address.hostname, address.port)) as board:
                _forward(server.accept()[0], board, limit=20_000)
                if returns:
                    _forward(server.accept()[0], board, limit=1 << 30)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        # A port that is gone refuses; a listening socket would take callers that nobody serves.
        closing = threading.Thread(target=lambda: (thread.join(), server.close()), daemon=True)
        closing.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"


def _forward(host: socket.socket, board: socket.socket, limit: int) -> None:
    """Both ways until the host has sent so many bytes, or left; then the host is cut off."""
    sent = 0
    with host, suppress(ConnectionError):
        while sent < limit:
            for ready in select.select([host, board], [], [])[0]:
                data = ready.recv(4096)
                if not data:
                    return
                sent += len(data) if ready is host else 0
                (board if ready is host else host).sendall(data)


def test_a_host_that_is_suspended_goes_on(small: Path, small_bundle: Path, tmp_path: Path) -> None:
    """Stopped in the middle for 5 s, as a laptop is whose lid is closed; the board stays on."""
    command = [sys.executable, "-m", "myofin", "validate", small_bundle, "--board", BOARD.name]
    command += ["--data", small / "recording.npz", "--windows", 200, "--out", tmp_path / "out"]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True)
    while not _emulator(process) and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.5)
    assert process.poll() is None, process.stderr.read() if process.stderr else ""
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(SUSPENDED_S)
    os.kill(process.pid, signal.SIGCONT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert json.loads((tmp_path / "out" / "report.json").read_text())["verdict"] == "pass"


def _emulator(process: subprocess.Popen[str]) -> bool:
    asked = ["pgrep", "-P", str(process.pid), "-f", "qemu-system-arm"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
