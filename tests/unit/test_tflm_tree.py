"""What is compiled from a TFLM source tree, shown on a small imitation of one; and every refusal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from myofin.artifacts import write_manifest
from myofin.boards.registry import load_board
from myofin.convert.tflm_export import RESOLVER_METHODS
from myofin.errors import InputError, MyofinError, ToolMissingError
from myofin.firmware_bridge import toolchain
from myofin.firmware_bridge.build import build_bundle
from myofin.firmware_bridge.build_cli import build
from myofin.firmware_bridge.engine_option import EngineName
from myofin.firmware_bridge.recipe import Recipe, Unit, make_recipe
from myofin.firmware_bridge.tflm_tree import DOWNLOADS, KERNEL_FILES, Tree, find_tree
from myofin.firmware_bridge.wire import Hello

BOARD = load_board("mps2-an386")
MICRO = "tensorflow/lite/micro"
FILES = (
    f"{MICRO}/micro_interpreter.h",
    f"{MICRO}/micro_interpreter.cc",
    f"{MICRO}/micro_interpreter_test.cc",
    f"{MICRO}/memory_helpers.cc",
    *(
        f"{MICRO}/{name}.cc"
        for name in ("debug_log", "test_helpers", "fake_micro_context", "mock_micro_graph")
    ),
    f"{MICRO}/arena_allocator/recording_single_arena_buffer_allocator.cc",
    "tensorflow/lite/core/c/common.cc",
    *(f"{MICRO}/kernels/{name}.cc" for name in ("kernel_util", "micro_tensor_utils", "conv", "conv_common")),
    *(f"{MICRO}/kernels/{name}.cc" for name in ("reshape", "reshape_common", "softmax", "conv_test")),
    f"{MICRO}/kernels/cmsis_nn/conv.cc",
    f"{DOWNLOADS}/flatbuffers/include/flatbuffers/flatbuffers.h",
    f"{DOWNLOADS}/gemmlowp/fixedpoint/fixedpoint.h",
    f"{DOWNLOADS}/ruy/ruy/profiler/instrumentation.h",
)
CMSIS_NN = (
    "Include/arm_nnfunctions.h",
    "Source/LSTMFunctions/arm_lstm.c",
    "Source/FloatFunctions/arm_lstm_f16.c",
    "Source/NNSupportFunctions/arm_nntables_flt.c",
)


def make_tree(root: Path) -> dict[str, str]:
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"// {name}\n")
    for name in CMSIS_NN:
        path = root / DOWNLOADS / "cmsis_nn" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {name}\n")
    return {"MYOFIN_TFLM_ROOT": str(root)}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return make_tree(tmp_path / "tree")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "tflm"
    folder.mkdir()
    (folder / "myofin_model.c").write_text("")
    (folder / "resolver.h").write_text("if (resolver.AddConv2D() != kTfLiteOk\n resolver.AddReshape()")
    return folder


def recipe(engine: EngineName, model: Path, environ: dict[str, str]) -> Recipe:
    return make_recipe(engine, model, BOARD, Path("settings"), environ)


def unit(found: Recipe, end: str) -> Unit:
    (one,) = (unit for unit in found.units if unit.source.as_posix().endswith(end))
    return one


def third_party(found: Recipe, environ: dict[str, str]) -> set[str]:
    root = Path(environ["MYOFIN_TFLM_ROOT"])
    return {unit.source.relative_to(root).as_posix() for unit in found.third_party}


CORE = {f"{MICRO}/micro_interpreter.cc", f"{MICRO}/memory_helpers.cc", "tensorflow/lite/core/c/common.cc"}
ALWAYS = {f"{MICRO}/kernels/kernel_util.cc", f"{MICRO}/kernels/micro_tensor_utils.cc"}
RESHAPE = {f"{MICRO}/kernels/reshape.cc", f"{MICRO}/kernels/reshape_common.cc"}


def test_reference_kernels_are_those_that_the_model_needs(model: Path, environ: dict[str, str]) -> None:
    found = recipe("tflm", model, environ)
    conv = {f"{MICRO}/kernels/conv.cc", f"{MICRO}/kernels/conv_common.cc"}
    assert third_party(found, environ) == CORE | ALWAYS | RESHAPE | conv
    assert not any("-DCMSIS_NN" in unit.flags for unit in found.units)
    objects = [unit.object for unit in found.units]
    assert len(set(objects)) == len(objects)
    assert all(unit.object.startswith("engine/") for unit in found.third_party)


def test_cmsis_nn_takes_the_place_of_the_kernels_it_has(model: Path, environ: dict[str, str]) -> None:
    found = recipe("tflm-cmsis-nn", model, environ)
    conv = {f"{MICRO}/kernels/cmsis_nn/conv.cc", f"{MICRO}/kernels/conv_common.cc"}
    lstm = f"{DOWNLOADS}/cmsis_nn/Source/LSTMFunctions/arm_lstm.c"
    assert third_party(found, environ) == CORE | ALWAYS | RESHAPE | conv | {lstm}
    defined = {unit.source.name for unit in found.units if "-DCMSIS_NN" in unit.flags}
    assert {"network.cc", "conv.cc", "reshape.cc", "myofin_model.c", "main.c"} <= defined
    assert "micro_interpreter.cc" not in defined, "the interpreter's objects serve both engines"


def test_flags_are_those_of_tflms_makefile(model: Path, environ: dict[str, str]) -> None:
    found = recipe("tflm-cmsis-nn", model, environ)
    assert "-Os" in unit(found, "micro_interpreter.cc").flags
    assert "-O2" in unit(found, "cmsis_nn/conv.cc").flags
    assert {"-std=c17", "-O2"} <= set(unit(found, "arm_lstm.c").flags)
    assert {"-Wall", "-Werror", "-O2"} <= set(unit(found, "network.cc").flags)


def test_the_generated_c_needs_no_tree(model: Path) -> None:
    found = recipe("c", model, {})
    assert found.third_party == ()
    assert {"main.c", "app.c", "myofin_model.c", "startup.c"} <= {unit.source.name for unit in found.own}


def test_every_method_of_the_resolver_has_its_kernel() -> None:
    assert set(KERNEL_FILES) == set(RESOLVER_METHODS.values())


def test_cmsis_nn_may_lie_elsewhere(model: Path, environ: dict[str, str], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (Path(environ["MYOFIN_TFLM_ROOT"]) / DOWNLOADS / "cmsis_nn").rename(elsewhere)
    found = recipe("tflm-cmsis-nn", model, environ | {"MYOFIN_CMSIS_NN_ROOT": str(elsewhere)})
    assert unit(found, "arm_lstm.c").source.is_relative_to(elsewhere)
    assert unit(found, "arm_lstm.c").object == "engine/cmsis_nn_Source_LSTMFunctions_arm_lstm.c.o"


def test_what_an_object_depends_on_changes_its_identity(model: Path, environ: dict[str, str]) -> None:
    before = unit(recipe("tflm", model, environ), "kernels/conv.cc").identity
    assert before == unit(recipe("tflm", model, environ), "kernels/conv.cc").identity
    root = Path(environ["MYOFIN_TFLM_ROOT"])
    (root / MICRO / "micro_interpreter_test.cc").write_text("// another test")
    assert before == unit(recipe("tflm", model, environ), "kernels/conv.cc").identity
    (root / MICRO / "micro_interpreter.h").write_text("// another header")
    assert before != unit(recipe("tflm", model, environ), "kernels/conv.cc").identity


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (f"{MICRO}/micro_interpreter.h", "is no TFLM source tree: it lacks"),
        (f"{DOWNLOADS}/flatbuffers/include/flatbuffers/flatbuffers.h", "lacks flatbuffers in"),
        (f"{DOWNLOADS}/gemmlowp/fixedpoint/fixedpoint.h", "lacks gemmlowp in"),
        (f"{DOWNLOADS}/ruy/ruy/profiler/instrumentation.h", "lacks ruy in"),
        (f"{DOWNLOADS}/cmsis_nn/Include/arm_nnfunctions.h", "is no CMSIS-NN: it lacks Include/arm_nnf"),
    ],
)
def test_a_tree_that_is_not_whole_is_refused(environ: dict[str, str], lost: str, words: str) -> None:
    (Path(environ["MYOFIN_TFLM_ROOT"]) / lost).unlink()
    with pytest.raises(InputError, match=words) as caught:
        find_tree(environ, cmsis_nn=True)
    assert "docs/tflm-engine.md" in caught.value.hint


def test_without_cmsis_nn_the_reference_kernels_are_enough(environ: dict[str, str]) -> None:
    (Path(environ["MYOFIN_TFLM_ROOT"]) / DOWNLOADS / "cmsis_nn/Include/arm_nnfunctions.h").unlink()
    assert find_tree(environ, cmsis_nn=False) == Tree(Path(environ["MYOFIN_TFLM_ROOT"]))


@pytest.mark.parametrize("environ", [{}, {"MYOFIN_TFLM_ROOT": ""}])
def test_a_variable_that_is_not_set_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(ToolMissingError, match="MYOFIN_TFLM_ROOT is not set") as caught:
        find_tree(environ, cmsis_nn=False)
    assert caught.value.exit_code == 4


def test_a_missing_kernel_and_an_unknown_method_are_named(environ: dict[str, str]) -> None:
    tree = find_tree(environ, cmsis_nn=False)
    with pytest.raises(InputError, match=re.escape(f"lacks {MICRO}/kernels/tanh.cc")):
        tree.kernel_files(["AddTanh"])
    with pytest.raises(InputError, match="resolver's AddErf needs"):
        tree.kernel_files(["AddErf"])


def test_a_folder_without_a_resolver_is_refused(model: Path, environ: dict[str, str]) -> None:
    (model / "resolver.h").unlink()
    with pytest.raises(InputError, match=r"holds no resolver\.h"):
        recipe("tflm", model, environ)


@pytest.mark.parametrize("answer", [None, "#!/bin/sh\necho libstdc++.a\n"])
def test_no_cxx_library_gives_the_line_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    if answer is not None:
        (tmp_path / "arm-none-eabi-g++").write_text(answer)
        (tmp_path / "arm-none-eabi-g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ToolMissingError, match=r"There is no C\+\+ library for arm-none-eabi-g\+\+"
    ) as caught:
        toolchain.require_cxx_compiler()
    assert caught.value.hint.endswith("libstdc++-arm-none-eabi-newlib")
    assert caught.value.exit_code == 4


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    arguments = [str(tmp_path), "--board", "mps2-an386", "--out", str(tmp_path / "o"), "--engine", "onnx"]
    outcome = CliRunner().invoke(build, arguments)
    assert outcome.exit_code == 2
    assert "tflm-cmsis-nn" in outcome.output


def test_a_network_that_was_not_set_up_ends_the_session() -> None:
    facts = Hello.__new__(Hello)
    object.__setattr__(facts, "engine", "tflm-cmsis-nn")
    object.__setattr__(facts, "arena_bytes", 0)
    with pytest.raises(MyofinError, match="could not set the network up in its arena"):
        facts.require_network()
    object.__setattr__(facts, "arena_bytes", 9)
    facts.require_network()


def test_a_network_that_keeps_its_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    body = {"model_sha256": "00" * 32, "state": {"contract": "carry"}}
    write_manifest(tmp_path / "bundle", "bundle", body, arguments={}, inputs={})
    with pytest.raises(InputError, match="keeps its state between decisions"):
        build_bundle(tmp_path / "bundle", BOARD, tmp_path / "image", engine="tflm")
