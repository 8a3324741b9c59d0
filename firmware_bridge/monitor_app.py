"""The terminal view of a running stream, ten frames a second. It looks at snapshots, and stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Digits, Footer, Label, ProgressBar, Sparkline, Static

from myofin.firmware_bridge.monitor_state import Snapshot

FRAME_S: Final = 0.1


@dataclass(frozen=True)
class View:
    """What does not change: the title, the channels, and the unit of latencies."""

    title: str
    channels: int
    unit: str


@dataclass(frozen=True)
class Moment:
    """A snapshot, what was seen of the link, and whether the stream goes on."""

    stream: Snapshot
    crc_errors: int
    resyncs: int
    runs: bool


class MonitorApp(App[None]):
    """Live channels on the left; decision, latency and what went wrong on the right."""

    CSS = """
    #body { height: 1fr; }
    #title { background: $primary; color: $text; padding: 0 1; width: 1fr; }
    #channels { width: 2fr; padding: 0 1; }
    .channel { height: 1fr; min-height: 1; max-height: 3; }
    .channel Label { width: 6; }
    .channel .level { width: 8; text-align: right; }
    .channel Sparkline { width: 1fr; height: 1fr; }
    #side { width: 1fr; min-width: 34; padding: 0 1; border-left: solid $primary; }
    #decision { text-style: bold; height: 2; }
    #confidence { width: 1fr; height: 2; }
    #confidence Bar { width: 1fr; }
    #clock { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("space", "freeze", "Freeze the view"),
    ]
    ENABLE_COMMAND_PALETTE = False
    TITLE = "myofin monitor"

    def __init__(self, view: View, look: Callable[[], Moment]) -> None:
        super().__init__()
        self._view = view
        self._look = look
        self._frozen = False

    def compose(self) -> ComposeResult:
        """Place the widgets."""
        yield Label(self._view.title, id="title")
        with Horizontal(id="body"):
            with VerticalScroll(id="channels"):
                for number in range(self._view.channels):
                    with Horizontal(classes="channel"):
                        yield Label(f"ch {number + 1}")
                        yield Sparkline([], id=f"channel-{number}")
                        yield Label("", classes="level", id=f"level-{number}")
            with Vertical(id="side"):
                yield Digits("0.0", id="clock")
                yield Static("", id="decision")
                yield ProgressBar(total=1.0, show_eta=False, id="confidence")
                yield Static("", id="figures")
        yield Footer()

    def on_mount(self) -> None:
        """Draw now, and ten times a second."""
        self.draw()
        self.set_interval(FRAME_S, self.draw)

    def action_freeze(self) -> None:
        """Let the view stand still, or go on; the stream goes on either way."""
        self._frozen = not self._frozen

    def draw(self) -> None:
        """Bring the widgets to this moment."""
        moment = self._look()
        if not moment.runs:
            self.exit()
            return
        if self._frozen:
            return
        stream = moment.stream
        for number, level in enumerate(stream.envelope):
            self.query_one(f"#channel-{number}", Sparkline).data = level.tolist()
            now = f"{level[-1]:,.0f}" if len(level) else ""
            self.query_one(f"#level-{number}", Label).update(now)
        self.query_one("#clock", Digits).update(f"{stream.seconds:.1f}")
        self.query_one("#decision", Static).update(stream.decision or "waiting for the first window")
        self.query_one("#confidence", ProgressBar).update(progress=stream.confidence)
        self.query_one("#figures", Static).update(self._figures(moment))

    def _figures(self, moment: Moment) -> Table:
        stream = moment.stream
        table = Table.grid(padding=(0, 1))
        table.add_column()
        table.add_column(justify="right")
        table.add_row(f"response, {self._view.unit}", "")
        for name, value in stream.percentiles.items():
            table.add_row(f"  {name}", f"{value:,.0f}")
        table.add_row("  max, of a hop", f"{stream.hop_share:.1%}")
        table.add_row("decisions", f"{stream.decisions:,}")
        for name, count in (
            ("missed deadlines", stream.missed),
            ("dropped samples", stream.dropped),
            ("gaps of the link", stream.gaps),
            ("CRC errors", moment.crc_errors),
            ("resyncs", moment.resyncs),
        ):
            table.add_row(name, Text(f"{count:,}", style="bold red" if count else "green"))
        table.add_row("frames waiting", f"{stream.queue}")
        return table
