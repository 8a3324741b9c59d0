"""Lowering of an embedding whose first layer spans three samples, which no table of one code can hold."""

from __future__ import annotations

from typing import Final

import numpy as np

from myofin.convert.codegen_arithmetic import DenseWeights, FloatDense
from myofin.convert.codegen_program import Convolution
from myofin.convert.codegen_s16 import DenseWeights16, linear_layer_16
from myofin.convert.codegen_staircase import LinearLayer, linear_layer
from myofin.convert.codegen_views import (
    CodesSource,
    ConvolvedSource,
    View,
    pointwise_places,
    spanned_places,
)
from myofin.convert.graph import Graph, Operator, refuse

TAPS: Final = 3
MAX_WIDTH: Final = 64
_CODES: Final = (-128, 127)
_AFTER_RELU: Final = (0, 255)


def spans_samples(graph: Graph, operator: Operator) -> bool:
    """Whether an operator is a convolution over more than one sample."""
    if operator.kind != "CONV_2D":
        return False
    kernel = graph.input(operator, 1).shape
    return len(kernel) == 4 and kernel[1] * kernel[2] > 1


def is_strided(operator: Operator) -> bool:
    """Whether a convolution leaves out places or samples."""
    names = ("StrideW", "StrideH", "DilationWFactor", "DilationHFactor")
    return any(operator.options[name] != 1 for name in names)


def convolve(
    graph: Graph, operator: Operator, x: View, layer: DenseWeights | DenseWeights16 | FloatDense
) -> View:
    """The view of a layer over several samples, or of the pointwise one after it.

    Raises:
        ModelError: It is another layer than these, or one that the kernels have not.
    """
    kernel = graph.input(operator, 1).shape
    if operator.kind == "CONV_2D" and is_strided(operator):
        raise refuse(operator, "has a stride or a dilation", "Convolve with stride 1")
    if isinstance(x.source, CodesSource):
        places, stride = spanned_places(operator, x, kernel)
        conv = first_layer(operator, layer, stride)
        shape = (*places.shape, conv.width)
    elif isinstance(x.source, ConvolvedSource) and not spans_samples(graph, operator):
        places, conv = pointwise_places(operator, x), second_layer(operator, x.source.conv, layer)
        shape = (*x.elements.shape[:-1], conv.width)
    else:
        raise refuse(operator, f"has a kernel {kernel} after a layer", "Span samples in the first layer")
    if graph.output(operator).shape != shape:  # before anything of that shape is allocated
        raise refuse(operator, f"should have an output of shape {shape}", "Convert the model again")
    elements = places.reshape(-1)[:, np.newaxis] * conv.width + np.arange(conv.width)
    return View(ConvolvedSource(conv), elements.reshape(shape))


def first_layer(
    operator: Operator, layer: DenseWeights | DenseWeights16 | FloatDense, stride: int
) -> Convolution:
    """The layer that takes three samples.

    Raises:
        ModelError: It spans another number, is too wide, or has no ReLU.
    """
    taps = layer.weights.shape[1]
    if taps != TAPS:
        raise refuse(operator, f"spans {taps} samples", "Span 1 or 3 samples")
    return Convolution((_kernel_layer(operator, layer, _CODES),), stride)


def second_layer(
    operator: Operator, before: Convolution, layer: DenseWeights | DenseWeights16 | FloatDense
) -> Convolution:
    """The pointwise layer after it.

    Raises:
        ModelError: There is one already, or it does not fit the layer before.
    """
    if len(before.layers) > 1:
        raise refuse(operator, "is a third layer", "Use one pointwise layer after the layer over samples")
    if layer.weights.shape[1] != before.width:
        raise refuse(operator, "has weights that do not fit its input", "Convert the model again")
    return Convolution((*before.layers, _kernel_layer(operator, layer, _AFTER_RELU)), before.stride)


def _kernel_layer(
    operator: Operator, layer: DenseWeights | DenseWeights16 | FloatDense, inputs: tuple[int, int]
) -> LinearLayer | FloatDense:
    if len(layer.weights) > MAX_WIDTH:
        raise refuse(operator, f"embeds a sample in {len(layer.weights)} values", f"Use at most {MAX_WIDTH}")
    if isinstance(layer, DenseWeights):
        return linear_layer(operator, layer, inputs)
    if isinstance(layer, FloatDense):
        return layer
    return linear_layer_16(operator, layer)
