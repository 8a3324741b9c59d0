"""Features as an operator of a model: written and read back, executed, lowered, and refused where damaged."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from integer_cases import CASES, corner_windows, engine_arguments, front_end, head, model

from myofin.convert.arithmetic import float_model
from myofin.convert.codegen import generate_c
from myofin.convert.codegen_lower import lower
from myofin.convert.executors import HostEngineExecutor, TfliteRuntimeExecutor, TflmExecutor
from myofin.convert.features_op import FEATURES_OP, constants_of, split_features, tables_of
from myofin.convert.flatbuffer import read_model
from myofin.convert.flatbuffer_writer import write_model
from myofin.convert.graph import FEATURES, Graph, find_outputs, window_shape
from myofin.convert.inspection import layer_costs, lstm_report
from myofin.errors import ModelError
from myofin.integer_features import exact_features, integer_features

NAME = "200Hz"


def graph():
    return read_model(model(NAME))


def changed(graph, tensors=(), operators=None):
    """A graph with some tensors in the place of those of the same index."""
    kept = list(graph.tensors)
    for tensor in tensors:
        kept[tensor.index] = tensor
    return replace(graph, tensors=tuple(kept), operators=operators or graph.operators)


@pytest.mark.parametrize("name", CASES)
def test_tables_come_back_from_the_file(name):
    found = read_model(model(name))
    assert [operator.kind for operator in found.operators] == [FEATURES_OP, "FULLY_CONNECTED"]
    tables = tables_of(found, found.operators[0])
    for field, array in constants_of(head(name).tables).items():
        assert np.array_equal(constants_of(tables)[field], array), field
    assert write_model(found) == write_model(read_model(write_model(found)))


def test_executors_agree_and_the_float_reference_is_close(tmp_path):
    codes = corner_windows(NAME)
    generate_c(model(NAME), out_dir=tmp_path, **engine_arguments(NAME))
    outputs = {}
    for executor in (TflmExecutor(model(NAME)), HostEngineExecutor(tmp_path)):
        outputs[executor.name] = executor.run(codes)
    oracle, ours = outputs["numpy+tflm"], outputs["c-engine"]
    assert np.array_equal(oracle.features, integer_features(head(NAME).tables, codes))
    assert np.array_equal(oracle.features, ours.features) and np.array_equal(oracle.logits, ours.logits)
    assert len(np.unique(ours.logits)) > 10
    floats = TfliteRuntimeExecutor(float_model(head(NAME))).run(codes)
    steps = exact_features(head(NAME).tables, codes) - head(NAME).zero_point
    assert np.abs(floats.features - steps * head(NAME).scale).max() < 1e-3
    layer = head(NAME)
    assert np.abs(floats.logits - np.maximum(floats.features @ layer.kernel + layer.bias, 0)).max() < 1e-3


def test_costs_and_shapes_of_the_model():
    costs = layer_costs(graph())
    size, classes = head(NAME).kernel.shape
    assert [cost.macs for cost in costs] == [0, size * classes]
    assert costs[0].weight_bytes == sum(array.nbytes for array in constants_of(head(NAME).tables).values())
    report = lstm_report(graph())
    assert not report.fused and not report.foreign
    assert window_shape(graph()) == (30, 8) and lower(graph()).features.size == size


def damaged_graphs():
    """Name of the damage, the graph, and what the refusal says."""
    whole = graph()
    operator, dense = whole.operators
    names = ["codes", *constants_of(head(NAME).tables)]
    levels = whole.tensors[names.index("levels")]
    sizes = whole.tensors[names.index("sizes")]
    offsets = whole.tensors[names.index("offsets")]
    features = whole.tensors[find_outputs(whole).features]
    assert features.name == FEATURES
    yield "high levels", changed(whole, [replace(levels, data=levels.data * 4096)]), "levels are too high"
    yield "short table", changed(whole, [replace(levels, shape=(9,), data=levels.data[:9])]), "256 entries"
    yield "no channels", changed(whole, [replace(sizes, data=sizes.data * 0)]), "size is not positive"
    yield (
        "few sizes",
        changed(whole, [replace(sizes, shape=(2,), data=sizes.data[:2])]),
        "does not say its sizes",
    )
    narrow = replace(offsets, dtype="int32", data=offsets.data.astype(np.int32))
    yield "narrow offsets", changed(whole, [narrow]), "no int64 vector"
    yield "other width", changed(whole, [replace(features, shape=(1, 3))]), "should take"
    few = replace(operator, inputs=operator.inputs[:4])
    yield "few tables", changed(whole, operators=(few, dense)), "lacks its input"
    computed = replace(operator, inputs=(0, features.index, *operator.inputs[2:]))
    yield "computed table", changed(whole, operators=(computed, dense)), "needs a constant"


@pytest.mark.parametrize(("broken", "complaint"), [case[1:] for case in damaged_graphs()])
def test_damaged_operators_are_refused(broken, complaint, tmp_path):
    content = write_model(broken)
    for use in (
        TflmExecutor,
        lambda model: lower(read_model(model)),
        lambda model: generate_c(model, out_dir=tmp_path, **engine_arguments(NAME)),
    ):
        with pytest.raises(ModelError, match=complaint):
            use(content)


def test_only_a_first_operator_can_be_split_off():
    whole = graph()
    assert split_features(Graph(whole.tensors, whole.operators[1:], (10,), whole.outputs)) is None
    twice = changed(whole, operators=(*whole.operators, replace(whole.operators[0], index=2)))
    alone = changed(whole, operators=whole.operators[:1])
    for wrong in (twice, alone):
        with pytest.raises(ModelError, match="not followed by a head, or not the only source"):
            split_features(wrong)
    dense = whole.operators[1]
    greedy = replace(dense, inputs=(0, *dense.inputs[1:]))
    with pytest.raises(ModelError, match="not the only one that takes the codes"):
        split_features(changed(whole, operators=(whole.operators[0], greedy)))


def test_the_float_reference_is_no_engine(tmp_path):
    with pytest.raises(ModelError, match="computes int8 only"):
        generate_c(float_model(head(NAME)), out_dir=tmp_path, **engine_arguments(NAME))


def test_signature_names_survive():
    assert graph().names == MappingProxyType({"features": 11, "logits": 14})
    assert front_end(NAME).channels == 4
