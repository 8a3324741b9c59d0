"""Where every element of a tensor comes from, followed through reshapes, transpositions and slices.

A view is an array of the tensor's shape whose entries number the elements of one source: the codes of the
window, the embedded codes (one by one, or several together), the pooled embeddings, an LSTM's outputs, or a
buffer. Nothing that only moves values costs anything on the board.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from myofin.convert.codegen_program import Buffer, Convolution, LstmStep, PoolMode
from myofin.convert.graph import Graph, Operator, refuse

Elements = NDArray[np.int64]
MAX_POOLED = 1 << 23


@dataclass(frozen=True)
class CodesSource:
    """The codes of the window; an element is numbered by its place in it."""


@dataclass(frozen=True, eq=False)
class EmbeddedSource:
    """``table[code]`` (``[256, width]``); an element is ``place * width + column``."""

    table: NDArray[Any]


@dataclass(frozen=True, eq=False)
class ConvolvedSource:
    """Outputs of a convolution; an element is ``place of the first tap * width + column``."""

    conv: Convolution


@dataclass(frozen=True, eq=False)
class PooledSource:
    """Embeddings pooled over groups of codes, ``places[groups, samples]``.

    An element is ``group * len(columns) + column``; a column is a mode and a column of the table, or of the
    convolution.
    """

    embedding: NDArray[Any] | Convolution
    places: Elements
    columns: tuple[tuple[PoolMode, int], ...]


@dataclass(frozen=True, eq=False)
class SequenceSource:
    """All outputs of an LSTM, ``(batch, steps, units)``."""

    step: LstmStep


@dataclass(frozen=True)
class BufferSource:
    """Values that a step computed."""

    buffer: Buffer


Source = CodesSource | EmbeddedSource | ConvolvedSource | PooledSource | SequenceSource | BufferSource


@dataclass(frozen=True, eq=False)
class View:
    """A tensor: its source, and for each of its places the number of the source's element."""

    source: Source
    elements: Elements

    def moved(self, elements: Elements) -> View:
        """The same source with its elements in other places."""
        return replace(self, elements=elements)


def reshape(graph: Graph, operator: Operator, view: View) -> View:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the output's static shape says it all.

    Raises:
        ModelError: The sizes differ.
    """
    shape = graph.output(operator).shape
    if view.elements.size != graph.output(operator).size:
        raise refuse(operator, "changes the number of elements", "Convert the model again")
    return view.moved(view.elements.reshape(shape))


def transpose(graph: Graph, operator: Operator, view: View) -> View:
    """TRANSPOSE with a constant permutation.

    Raises:
        ModelError: It is no permutation of the axes.
    """
    axes = [int(axis) for axis in graph.constant(operator, 1).reshape(-1)]
    if sorted(axes) != list(range(view.elements.ndim)):
        raise refuse(operator, f"permutes axes by {axes}", "Convert the model again")
    return view.moved(view.elements.transpose(axes))


def strided_slice(graph: Graph, operator: Operator, view: View) -> View:
    """STRIDED_SLICE with constant bounds; ellipsis and new axes are not used by the converter.

    Raises:
        ModelError: A mask or a bound that is not supported.
    """
    begin, end, stride = (graph.constant(operator, i).reshape(-1) for i in (1, 2, 3))
    options = operator.options
    rank = view.elements.ndim
    if options["EllipsisMask"] or options["NewAxisMask"] or options["Offset"] or not 1 <= len(begin) <= rank:
        raise refuse(operator, "has an unsupported mask", "Slice with plain indices")
    if not len(begin) == len(end) == len(stride) or not np.all(stride):
        raise refuse(operator, "has bounds that do not belong together", "Convert the model again")
    index: list[slice | int] = []
    for axis, (low, high, step) in enumerate(zip(begin, end, stride, strict=True)):
        bit = 1 << axis
        if options["ShrinkAxisMask"] & bit:
            if not -view.elements.shape[axis] <= low < view.elements.shape[axis]:
                raise refuse(operator, f"takes index {low} of axis {axis}", "Convert the model again")
            index.append(int(low))
            continue
        first = None if options["BeginMask"] & bit else int(low)
        last = None if options["EndMask"] & bit else int(high)
        index.append(slice(first, last, int(step)))
    return view.moved(view.elements[tuple(index)])


MOVES: Mapping[str, Callable[[Graph, Operator, View], View]] = {
    "RESHAPE": reshape,
    "SQUEEZE": reshape,
    "EXPAND_DIMS": reshape,
    "TRANSPOSE": transpose,
    "STRIDED_SLICE": strided_slice,
}


def places_and_columns(view: View) -> tuple[Elements, Elements, int]:
    """Code places and embedding columns of a view on codes or embedded codes, and the embedding's width."""
    width = 1
    if isinstance(view.source, EmbeddedSource):
        width = view.source.table.shape[1]
    elif isinstance(view.source, ConvolvedSource):
        width = view.source.conv.width
    return view.elements // width, view.elements % width, width


def is_pointwise(view: View) -> bool:
    """Whether each row of the last axis is the embedding of one code."""
    if not isinstance(view.source, CodesSource | EmbeddedSource) or view.elements.ndim == 0:
        return False
    places, columns, width = places_and_columns(view)
    rows, places = columns.reshape(-1, view.elements.shape[-1]), places.reshape(-1, view.elements.shape[-1])
    return rows.shape[1] == width and bool(
        np.all(rows == np.arange(width)) and np.all(places == places[:, :1])
    )


def pointwise_places(operator: Operator, view: View) -> Elements:
    """The code place of each row, for an operator that maps the last axis of an embedding.

    Raises:
        ModelError: The rows are not the embeddings of one code each.
    """
    places, columns, width = places_and_columns(view)
    rows = places.reshape(-1, view.elements.shape[-1]) if view.elements.ndim else places.reshape(1, 1)
    in_order = np.array_equal(
        columns.reshape(rows.shape), np.broadcast_to(np.arange(rows.shape[1]), rows.shape)
    )
    if rows.shape[1] != width or not in_order or not np.all(rows == rows[:, :1]):
        raise refuse(
            operator,
            "mixes several samples before the LSTM, which cannot be folded into a table of one code",
            "Embed each sample by itself (kernel 1), and pool with AveragePooling2D and MaxPooling2D",
        )
    return rows[:, 0]


def spanned_places(operator: Operator, view: View, kernel: tuple[int, ...]) -> tuple[Elements, int]:
    """Code places of the first taps ``[n, height, width]`` of a convolution over plain codes, and its stride.

    Raises:
        ModelError: The taps are not evenly spaced codes of one picture.
    """
    if view.elements.ndim != 4 or view.elements.shape[-1] != 1:
        raise refuse(operator, "does not span plain samples", "Span several samples in the first layer only")
    places, height, width = view.elements[..., 0], kernel[1], kernel[2]
    if places.shape[1] < height or places.shape[2] < width or places.size * height * width > MAX_POOLED:
        raise refuse(operator, f"has a kernel {kernel} that does not fit its input", "Use (3, 1), 'valid'")
    windows = sliding_window_view(sliding_window_view(places, height, axis=1), width, axis=2)
    taps = windows.reshape(*windows.shape[:3], height * width)
    stride = int(taps[0, 0, 0, 1] - taps[0, 0, 0, 0])
    if stride < 1 or not np.all(np.diff(taps, axis=-1) == stride):
        raise refuse(operator, "spans samples in an irregular order", "Span samples of one channel")
    return taps[..., 0], stride


def pool(graph: Graph, operator: Operator, view: View) -> View:
    """AVERAGE_POOL_2D or MAX_POOL_2D over embedded codes, without padding.

    Raises:
        ModelError: It is applied elsewhere, pads, or has a fused activation.
    """
    if not isinstance(view.source, EmbeddedSource | ConvolvedSource) or view.elements.ndim != 4:
        raise refuse(operator, "does not pool embedded samples", "Pool right after the embedding")
    options, shape = operator.options, graph.output(operator).shape
    height, width = options["FilterHeight"], options["FilterWidth"]
    expected = [
        (size - kernel) // stride + 1 if kernel >= 1 and stride >= 1 else 0
        for size, kernel, stride in zip(
            view.elements.shape[1:3], (height, width), (options["StrideH"], options["StrideW"]), strict=True
        )
    ]
    if (
        len(shape) != 4
        or tuple(expected) != shape[1:3]
        or min(expected) < 1
        or options["activation"] != "none"
    ):
        raise refuse(
            operator, "pads or has a fused activation", "Pool with padding 'valid' over whole frames"
        )
    if graph.output(operator).size * height * width > MAX_POOLED:
        raise refuse(operator, "pools too many samples", "Pool over whole frames, with the frame as stride")
    places, columns, _ = places_and_columns(view)
    windows = sliding_window_view(sliding_window_view(places, height, axis=1), width, axis=2)
    windows = windows[:, :: options["StrideH"], :: options["StrideW"]]
    if not np.all(windows == windows[:, :, :, :1]) or not np.all(columns == columns[0, 0, 0]):
        raise refuse(operator, "pools samples in an unknown order", "Keep the embedding as the last axis")
    mode: PoolMode = "mean" if operator.kind == "AVERAGE_POOL_2D" else "max"
    groups = windows[:, :, :, 0].reshape(-1, height * width)
    names = tuple((mode, int(column)) for column in columns[0, 0, 0])
    embedding = view.source.table if isinstance(view.source, EmbeddedSource) else view.source.conv
    source = PooledSource(embedding, groups, names)
    return View(source, np.arange(len(groups) * len(names), dtype=np.int64).reshape(shape))


def concatenate(operator: Operator, views: list[View]) -> View:
    """CONCATENATION of poolings of the same groups: their columns side by side.

    Raises:
        ModelError: The parts are something else.
    """
    remedy = "Concatenate only the mean and the maximum of the same samples"
    sources = [view.source for view in views if isinstance(view.source, PooledSource)]
    if len(sources) != len(views) or operator.options["activation"] != "none":
        raise refuse(operator, "joins tensors that are not poolings", remedy)
    first = sources[0]
    if any(s.embedding is not first.embedding or not np.array_equal(s.places, first.places) for s in sources):
        raise refuse(operator, "joins poolings of different samples", remedy)
    names = tuple(name for source in sources for name in source.columns)
    parts, start = [], 0
    for view, source in zip(views, sources, strict=True):
        group, column = np.divmod(view.elements, len(source.columns))
        parts.append(group * len(names) + column + start)
        start += len(source.columns)
    try:
        joined = np.concatenate(parts, axis=operator.options["Axis"])
    except ValueError as error:
        raise refuse(operator, "joins tensors whose shapes do not fit", remedy) from error
    return View(PooledSource(first.embedding, first.places, names), joined)
