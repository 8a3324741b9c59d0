"""The points of a sweep: what can be chosen, the grids, and the settings that train a point."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from myofin.convert.schema import Scheme
from myofin.errors import InputError
from myofin.features import FEATURE_NAMES
from myofin.frontend import CLIP_DEFAULT_SD, MU_DEFAULT
from myofin.train.config import RICH_FEATURES, FeaturesBy, TrainConfig
from myofin.train.network_shape import LAYOUTS, Layout

Head = Literal["lda", "tuned"]
EngineMode = Literal["sliding", "plain"]

FEATURE_SETS: Mapping[str, tuple[str, ...]] = MappingProxyType({"four": FEATURE_NAMES, "rich": RICH_FEATURES})
# Scheme and engine mode together: float32 has no sliding engine.
MODES: tuple[tuple[Scheme, EngineMode], ...] = (
    ("int8", "sliding"),
    ("int8", "plain"),
    ("int16x8", "sliding"),
    ("int16x8", "plain"),
    ("float32", "plain"),
)
ENGINES: tuple[EngineMode, ...] = ("sliding", "plain")
HEADS: tuple[Head, ...] = ("tuned", "lda")
# Companding and clipping of the front end: the default, and codes that spend less on rare peaks.
CODES = ((MU_DEFAULT, CLIP_DEFAULT_SD), (5.0, 20.0))


@dataclass(frozen=True)
class Point:
    """One choice of everything that a sweep varies.

    Attributes:
        scheme: How the network represents numbers.
        engine: Whether the engine keeps what later windows can use again, or computes each window whole.
        layout: Whether all channels share one LSTM, or a joint one takes them all at once.
        units: LSTM units.
        step_hops: Hops of 10 ms that one step of the LSTM takes together.
        embedding: Width of the embedding of one sample.
        taps: Samples that its first layer spans.
        imitated: Names of the imitated features.
        head: LDA's solution on the imitated features, or tuned from there together with the FIN.
        mu: Strength of the front end's companding.
        clip_sd: Standard deviations at which the codes end.
        features: Whether an LSTM imitates them, or integer arithmetic computes them; then ``layout``,
            ``units``, ``step_hops``, ``embedding`` and ``taps`` mean nothing, and are the same in all points.
    """

    scheme: Scheme = "int8"
    engine: EngineMode = "sliding"
    layout: Layout = "shared"
    units: int = 24
    step_hops: int = 10
    embedding: int = 20
    taps: int = 3
    imitated: tuple[str, ...] = RICH_FEATURES
    head: Head = "tuned"
    mu: float = MU_DEFAULT
    clip_sd: float = CLIP_DEFAULT_SD
    features: FeaturesBy = "lstm"

    def document(self) -> dict[str, Any]:
        """The point as plain JSON types, in the order of its fields, without those that mean nothing."""
        document = {**asdict(self), "imitated": list(self.imitated)}
        if self.features == "lstm":
            return document
        return {name: value for name, value in document.items() if name not in _OF_A_NETWORK}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> Point:
        """Rebuild a point from ``document()``."""
        fields = {name: document[name] for name in Point.__dataclass_fields__ if name in document}
        return Point(**{**fields, "imitated": tuple(document["imitated"])})

    def train_config(self, base: TrainConfig) -> TrainConfig:
        """The settings that train this point; what a sweep does not vary is taken from ``base``."""
        return replace(
            base,
            features_by=self.features,
            features=self.imitated,
            layout=self.layout,
            units=self.units,
            frame_hops=self.step_hops,
            embedding=self.embedding,
            taps=self.taps,
            mu=self.mu,
            clip_sd=self.clip_sd,
            finetune_epochs=base.finetune_epochs if self.head == "tuned" else 0,
        )


_OF_A_NETWORK = {"layout", "units", "step_hops", "embedding", "taps"}
# The default network, a joint one, smaller ones, and one for a core without DSP instructions and little RAM.
_SMALL = (
    Point(),
    Point(layout="joint", units=48, embedding=8),
    Point(units=16),
    Point(units=12, step_hops=10, embedding=12),
    Point(units=8, step_hops=10, embedding=8, head="lda"),
    Point(units=4, step_hops=10, embedding=4, taps=1, imitated=FEATURE_NAMES, head="lda"),
)
GRIDS = ("small", "medium", "full")


def grid_points(size: str, features_by: str | None = None, layout: str | None = None) -> tuple[Point, ...]:
    """The points of a grid: every architecture with every scheme and engine mode.

    Neighbours have different networks, so that several workers rarely wait for one another. ``features_by``
    leaves only the points with an LSTM, or with arithmetic; ``layout``, of the former, those with this one.

    Raises:
        InputError: There is no grid of this name.
    """
    if size not in GRIDS:
        raise InputError(f"There is no grid {size!r}.", hint=f"Choose one of: {', '.join(GRIDS)}.")
    networks = _SMALL if size == "small" else tuple(_networks(size))
    codes = CODES[:1] if size == "small" else CODES
    points = [
        replace(network, scheme=scheme, engine=engine) for scheme, engine in MODES for network in networks
    ]
    points += _arithmetic(codes)
    return tuple(
        point
        for point in points
        if features_by in (None, point.features)
        and (point.features == "arithmetic" or layout in (None, point.layout))
    )


def _arithmetic(codes: Iterable[tuple[float, float]]) -> Iterable[Point]:
    """Features by arithmetic, which only int8 has."""
    for engine, names, (mu, clip) in itertools.product(ENGINES, FEATURE_SETS.values(), codes):
        yield Point(features="arithmetic", engine=engine, imitated=names, mu=mu, clip_sd=clip, head="lda")


def _networks(size: str) -> Iterable[Point]:
    wide = size == "full"
    yield from _SMALL
    for layout, units, hops, width, names, (mu, clip), head in itertools.product(
        LAYOUTS if wide else LAYOUTS[:1],
        (32, 24, 16, 12, 8) if wide else (24, 16, 8),
        (6, 10),
        (20, 16, 8) if wide else (20,),
        ("rich", "four"),
        CODES,
        HEADS if wide else HEADS[:1],
    ):
        point = Point(
            layout=layout,
            units=units,
            step_hops=hops,
            embedding=width,
            imitated=FEATURE_SETS[names],
            mu=mu,
            clip_sd=clip,
            head=head,
        )
        if point not in _SMALL:
            yield point


# What a search draws from: names to categories, each a plain JSON type, so that any storage keeps them.
CATEGORIES: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "mode": tuple("/".join(mode) for mode in (*MODES, *itertools.product(("arithmetic",), ENGINES))),
        "layout": LAYOUTS,
        "units": (4, 8, 12, 16, 24, 32),
        "step_hops": (5, 6, 10),
        "embedding": (4, 8, 16, 20),
        "taps": (1, 3),
        "imitated": tuple(FEATURE_SETS),
        "codes": tuple(f"{mu:g}/{clip:g}" for mu, clip in CODES),
        "head": HEADS,
    }
)


def categories(features_by: str | None, layout: str | None = None) -> dict[str, tuple[Any, ...]]:
    """What a search draws from where only an LSTM (of a layout), or only arithmetic, makes the features."""
    wanted = {None: (True, False), "lstm": (False,), "arithmetic": (True,)}[features_by]
    modes = tuple(mode for mode in CATEGORIES["mode"] if mode.startswith("arithmetic") in wanted)
    return {**CATEGORIES, "mode": modes, "layout": LAYOUTS if layout is None else (layout,)}


def drawn_point(drawn: Mapping[str, Any]) -> Point:
    """The point that a draw from ``CATEGORIES`` stands for."""
    made, engine = drawn["mode"].split("/")
    mu, clip_sd = CODES[CATEGORIES["codes"].index(drawn["codes"])]
    common = Point(engine=engine, imitated=FEATURE_SETS[drawn["imitated"]], mu=mu, clip_sd=clip_sd)
    if made == "arithmetic":
        return replace(common, features="arithmetic", head="lda")
    network = {name: drawn[name] for name in ("layout", "units", "step_hops", "embedding", "taps", "head")}
    return replace(common, scheme=made, **network)
