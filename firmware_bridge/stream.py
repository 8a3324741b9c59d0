"""``stream``: the board samples and decides by itself; what it sends is kept, computed again and reported.

The recording is appended to while it comes, so whatever ends the stream, what came before is kept, and
``finish_stream`` makes the report of it, now or later.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from myofin.boards.registry import Board, load_board
from myofin.convert.bundle import Bundle, read_bundle
from myofin.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, ArtifactError, InputError, MyofinError
from myofin.firmware_bridge.board_recording import write_board_recording
from myofin.firmware_bridge.engine_option import EngineName
from myofin.firmware_bridge.exchange import LinkCounters
from myofin.firmware_bridge.image_choice import chosen_image
from myofin.firmware_bridge.port_option import Port
from myofin.firmware_bridge.reach import board_session
from myofin.firmware_bridge.session import VALUE_TYPES, BoardSession
from myofin.firmware_bridge.stream_finish import REPORT_ONLY, Wanted, finish_stream
from myofin.firmware_bridge.stream_labels import Played, played_golden, played_recording
from myofin.firmware_bridge.stream_plan import StreamPlan, plan_stream, require_bandwidth
from myofin.firmware_bridge.stream_source import StreamSink, StreamSource
from myofin.firmware_bridge.stream_store import FACTS_FILE, StreamShape, StreamWriter, note_end, read_stream
from myofin.firmware_bridge.wire import Hello, Scheme, Stats
from myofin.progress import Progress, silent

MANIFEST_FILE = "stream.json"
OWN_ELECTRODES = "the board's own"


@dataclass(frozen=True)
class StreamSettings:
    """What to stream from, and for how long (None: until interrupted).

    ``data`` is what an emulated board's electrodes feel, by default the bundle's golden windows. ``port`` is
    where a board with electrodes of its own is connected.
    """

    board: str
    seconds: float | None = 60.0
    data: Path | None = None
    subject: str | None = None
    image: Path | None = None
    engine: EngineName = "c"
    port: Port | None = None
    units_per_second: int | None = None
    wanted: Wanted = REPORT_ONLY


class StreamEndedError(MyofinError):
    """The stream was ended from outside; what came until then is kept."""

    exit_code = EXIT_INTERRUPTED


class StreamUnwrittenError(StreamEndedError):
    """It was ended because nothing more could be written, a report neither."""

    exit_code = EXIT_BAD_INPUT


@dataclass(frozen=True)
class OpenStream:
    """A board that is ready to stream what a bundle decides.

    ``played`` is what its electrodes feel, None where they are its own; ``shape`` is that of what comes.
    """

    bundle: Bundle
    board: Board
    played: Played | None
    session: BoardSession
    plan: StreamPlan
    shape: StreamShape

    def source(self, sink: StreamSink) -> StreamSource:
        """The stream, handing over what comes to a sink."""
        return StreamSource(self.session, self.plan, self.shape, sink)


def stream_bundle(
    bundle_folder: Path, settings: StreamSettings, out: Path, *, progress: Progress = silent
) -> dict[str, Any]:
    """Stream from a board into a folder, compute every decision again, and write the report.

    Args:
        bundle_folder: What ``myofin convert`` left.
        settings: Board, length, electrodes.
        out: Folder of the recording and its report; an older one there is replaced.
        progress: Told about the stages ``stream`` and those of ``finish_stream``.

    Returns:
        The document of ``report.json``.

    Raises:
        InputError: The link cannot carry the stream, or settings do not fit each other.
        StreamEndedError: Ctrl-C, or the disk is full (StreamUnwrittenError); what came is kept in ``out``.
        BoardError: The board does not start, does not answer, or ended the stream; what came is kept.
    """
    with open_stream(bundle_folder, settings) as stream:
        _prepare(out)
        ended = _record(stream, settings, out, progress)
    if isinstance(ended, StreamUnwrittenError):
        raise ended
    report = _finished(stream, out, settings, ended, progress)
    if ended is not None:
        raise ended
    return report


def finish_recording(
    bundle_folder: Path, out: Path, wanted: Wanted = REPORT_ONLY, *, progress: Progress = silent
) -> dict[str, Any]:
    """Make the report of a recording that an interrupted ``stream_bundle`` left. Raises alike.

    Args:
        bundle_folder: What the board ran.
        out: Folder of the recording.
        wanted: What is wanted of it.
        progress: Told about the stages of ``finish_stream``.
    """
    bundle = read_bundle(bundle_folder)
    facts = read_stream(out).facts
    data = None if facts["data"] is None else Path(facts["data"])
    played = None
    if facts["electrodes"] != OWN_ELECTRODES:
        played = _electrodes(bundle, load_board(facts["board"]), data, facts["subject"])
    return finish_stream(bundle, out, played, wanted, progress)


@contextmanager
def open_stream(bundle_folder: Path, settings: StreamSettings) -> Iterator[OpenStream]:
    """Start a board, or find it on its port, and plan the stream. Raises as ``stream_bundle``."""
    bundle = read_bundle(bundle_folder)
    board = load_board(settings.board)
    played = _electrodes_of(bundle, board, settings)
    with (
        chosen_image(bundle, board, settings.image, settings.engine, settings.port) as image,
        _board_recording(played) as recording,
        board_session(board, image, settings.port, recording) as session,
    ):
        session.require_model(bundle.body.model_sha256)
        facts = session.facts
        if settings.port is not None:
            require_bandwidth(facts, settings.port.baud or board.link.baud)
        plan = plan_stream(board, facts, settings.seconds, units_per_second=settings.units_per_second)
        yield OpenStream(bundle, board, played, session, plan, shape_of(facts))


@contextmanager
def _board_recording(played: Played | None) -> Iterator[Path | None]:
    """A file of what the electrodes feel, for the emulator; None where they are the board's own."""
    if played is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="myofin-electrodes-") as scratch:
        recording = Path(scratch) / "recording.bin"
        write_board_recording(recording, played.counts)
        yield recording


def shape_of(facts: Hello) -> StreamShape:
    """Shape of what a board sends, from what it says of itself."""
    value_type = VALUE_TYPES[Scheme(facts.scheme)]
    return StreamShape(facts.channels, facts.frame_samples, facts.features, facts.logits, value_type)


def _electrodes_of(bundle: Bundle, board: Board, settings: StreamSettings) -> Played | None:
    """What an emulated board's electrodes feel; None for a board with electrodes of its own."""
    if settings.port is not None:
        if settings.data is not None or settings.subject is not None:
            raise InputError(
                "A board on a port feels its own electrodes, so --data means nothing to it.",
                hint="Leave --data out, or leave --port out for the board's emulator.",
            )
        return None
    return _electrodes(bundle, board, settings.data, settings.subject)


def _electrodes(bundle: Bundle, board: Board, data: Path | None, subject: str | None) -> Played:
    if data is None:
        return played_golden(bundle, board)
    if subject is None and data.is_dir():
        subject = bundle.body.subject
    return played_recording(bundle, board, data, subject)


def _prepare(out: Path) -> None:
    """Make room for a recording: only what a stream left, or nothing, is replaced."""
    if out.exists() and any(out.iterdir()):
        if not (out / FACTS_FILE).is_file() and not (out / MANIFEST_FILE).is_file():
            raise ArtifactError(
                f"{out} exists and is not a stream that myofin wrote.",
                hint="Give --out another path, or move that folder away.",
            )
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def _record(
    stream: OpenStream, settings: StreamSettings, out: Path, progress: Progress
) -> MyofinError | None:
    """Stream until its end; the error to raise after what came was finished, where there is one."""
    plan, writer, stats = stream.plan, None, None
    ended: MyofinError | None = None
    total = plan.sample_limit or 1
    source: StreamSource | None = None
    try:
        writer = StreamWriter(out, stream.shape, _facts(stream, settings))
        source = stream.source(writer)
        stats = source.run(lambda samples: progress("stream", min(samples, total), total))
        writer.close()
    except KeyboardInterrupt:
        ended = StreamEndedError(
            f"Interrupted after {_told(source, plan)}: what came is kept in {out}, with its report.",
            hint="Give --seconds for a stream that ends by itself.",
        )
    except MyofinError as error:
        error.message += f" The {_told(source, plan)} that came are kept in {out}."
        ended = error
    except OSError as error:
        ended = StreamUnwrittenError(
            f"Nothing more could be written after {_told(source, plan)} ({error.strerror or error}); "
            f"what was written is kept in {out}.",
            hint=f"Free some space, then `myofin stream BUNDLE --finish --out {out}` makes the report.",
        )
    with contextlib.suppress(OSError):
        if writer is not None:
            writer.close()
        note_end(out, _end_facts(stream.session.counters, stats, ended))
    return ended


def _told(source: StreamSource | None, plan: StreamPlan) -> str:
    samples = 0 if source is None else source.received_until
    return f"{samples / plan.true_rate_hz:.2f} s"


def _finished(
    stream: OpenStream, out: Path, settings: StreamSettings, ended: MyofinError | None, progress: Progress
) -> dict[str, Any]:
    """The report; after a stream that ended early, its error counts and not that of the report."""
    try:
        return finish_stream(stream.bundle, out, stream.played, settings.wanted, progress)
    except (MyofinError, OSError):
        if ended is not None:
            raise ended from None
        raise


def _facts(stream: OpenStream, settings: StreamSettings) -> dict[str, Any]:
    plan, said, played = stream.plan, stream.session.facts, stream.played
    return {
        "board": stream.board.name,
        "electrodes": OWN_ELECTRODES if played is None else played.origin,
        "inputs": {} if played is None else played.inputs,
        "data": None if settings.data is None else str(settings.data),
        "subject": settings.subject,
        "model_sha256": said.model_sha256.hex(),
        "build_id": said.build_id.hex(),
        "engine": said.engine,
        "plan": {
            **{name: value for name, value in asdict(plan).items() if name != "ticks_per_second"},
            "ticks_per_second": str(plan.ticks_per_second),
            "true_rate_hz": plan.true_rate_hz,
            "hop_us": plan.hop_us,
        },
        "sizes": {
            "flash_code": said.flash_code,
            "flash_constants": said.flash_constants,
            "ram_static": said.ram_static,
        },
    }


def _end_facts(link: LinkCounters, stats: Stats | None, ended: MyofinError | None) -> dict[str, Any]:
    return {
        "complete": ended is None,
        "ended_by": None if ended is None else ended.message,
        "stats": None if stats is None else asdict(stats),
        "link": {
            "bytes": link.bytes_sent + link.bytes_received,
            "crc_errors": link.crc_errors,
            "resyncs": link.resyncs,
            "restarts": link.restarts,
        },
    }
