"""Where values come from when a step needs them in a buffer: gathered, embedded, or as they lie."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from myofin.convert.codegen_lstm import code_table, frame_input
from myofin.convert.codegen_program import Buffer, EmbedStep, FrameInput, GatherStep, LstmStep, Scheme, Step
from myofin.convert.codegen_views import BufferSource, CodesSource, Elements, SequenceSource, View
from myofin.convert.graph import Graph, Operator, refuse


@dataclass
class Placing:
    """The steps of a program as it grows.

    Attributes:
        hop_codes: Codes of one hop, all channels.
        wanted_whole: Operators of LSTMs of which more than the last outputs are used.
        lstms: Operator of each LSTM step.
    """

    graph: Graph
    scheme: Scheme
    hop_codes: int
    steps: list[Step] = field(default_factory=list, kw_only=True)
    wanted_whole: set[int] = field(default_factory=set, kw_only=True)
    lstms: dict[str, int] = field(default_factory=dict, kw_only=True)

    def in_order(self, operator: Operator, view: View) -> Buffer:
        """A buffer that holds the view's elements one after the other, gathered if need be."""
        elements = view.elements.reshape(-1)
        if isinstance(view.source, SequenceSource):
            source, elements = self._hidden(view.source.step, elements)
        else:
            placed = view if isinstance(view.source, BufferSource) else self._place(operator, view)
            assert isinstance(placed.source, BufferSource)
            source, elements = placed.source.buffer, placed.elements.reshape(-1)
        if np.array_equal(elements, np.arange(source.size)):
            return source
        name = self.name("gather")
        output = Buffer(f"{name}_out", len(elements))
        self.steps.append(GatherStep(name, source, output, elements))
        return output

    def _hidden(self, step: LstmStep, elements: Elements) -> tuple[Buffer, Elements]:
        """Places of outputs of an LSTM in what it stores; asks for all of them where the last do not do."""
        sequence, unit = np.divmod(elements, step.numbers.units)
        if step.whole:
            return step.output, elements
        if not np.all(sequence % step.steps == step.steps - 1):
            self.wanted_whole.add(self.lstms[step.name])
            return Buffer(step.output.name, step.output.size * step.steps), elements  # until the next pass
        return step.output, (sequence // step.steps) * step.numbers.units + unit

    def _place(self, operator: Operator, view: View) -> View:
        """Codes, embedded or pooled, as values in a buffer; int8 codes are values where they lie."""
        if isinstance(view.source, CodesSource) and self.scheme == "int8":
            codes = Buffer("codes", self.graph.tensors[self.graph.inputs[0]].size, in_state=False)
            return View(BufferSource(codes), view.elements)
        shape = view.elements.shape
        rows = view.moved(view.elements.reshape((1, -1, shape[-1]) if len(shape) != 3 else shape))
        frame, slots = frame_input(operator, rows, self.scheme, self.hop_codes)
        if frame.conv is not None:
            raise refuse(operator, "takes a layer over several samples", "Pool it, then use an LSTM")
        if frame.table is None:  # codes that an integer LSTM takes as they are; another type needs a table
            frame = replace(frame, table=code_table(self.scheme))
        batch, steps, size = rows.elements.shape
        name = self.name("embed")
        output = Buffer(f"{name}_out", rows.elements.size)
        self.steps.append(EmbedStep(name, frame, batch, steps, output))
        places = size * np.arange(batch * steps)[:, np.newaxis] + slots
        return View(BufferSource(output), places.reshape(shape))

    def name(self, kind: str) -> str:
        """A name for the next step of a kind."""
        return f"{kind}{sum(step.name.startswith(kind) for step in self.steps)}"


def is_computed(view: View) -> bool:
    """Whether a step computed it, so that it lies in a buffer."""
    return isinstance(view.source, BufferSource | SequenceSource)


def plain_rows(shape: tuple[int, ...]) -> FrameInput:
    """Inputs ``[batch, steps, inputs]`` that lie in order in a buffer."""
    _, steps, inputs = shape
    return FrameInput(None, (), 0, steps * inputs, inputs, inputs, 1, 1, 1, inputs)
