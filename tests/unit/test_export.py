"""Exports: what is in them, what their README says, and what is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from export_cases import CXX_WARNINGS, fixture_bundle

from myofin.convert.bundle import Bundle
from myofin.convert.codegen_text import c_string
from myofin.convert.export import export_bundle
from myofin.convert.export_cli import KIND_NAMES, export
from myofin.convert.export_golden import choose_windows
from myofin.convert.export_kinds import KINDS
from myofin.errors import ArtifactError, InputError

AWKWARD = ('say "hi"', "back\\slash", "poing fermé", "what??/", "a|b\nc", "percent %s", "*/ end")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return fixture_bundle("joint4_plain", tmp_path_factory.mktemp("export") / "bundle", names=AWKWARD)


def test_the_command_offers_every_kind() -> None:
    assert list(KINDS) == list(KIND_NAMES)


def test_every_kind_has_readme_engine_and_self_test(bundle: Bundle, tmp_path: Path) -> None:
    for kind in KINDS:
        done = export_bundle(bundle, kind, tmp_path / kind)
        found = {str(path.relative_to(done.folder)) for path in done.folder.rglob("*") if path.is_file()}
        assert found == set(done.files)
        assert {"README.md", "src/myofin_model.h", "src/myofin_model.c", "src/myofin_selftest.c"} <= found
        assert not [name for name in found if name.endswith(".j2")]
        for name in found:
            text = (done.folder / name).read_text()
            assert text.endswith("\n")
            assert str(tmp_path) not in text


def test_the_readme_tells_the_facts_of_this_model(bundle: Bundle, tmp_path: Path) -> None:
    text = export_bundle(bundle, "c", tmp_path / "c", windows=3).folder.joinpath("README.md").read_text()
    assert "for 4 channels at 1000 Hz, int8" in text
    assert "`MYOFIN_FRAME_CODES` = 8 values" in text
    assert "feeds 3 golden windows" in text
    assert bundle.body.model_sha256 in text
    assert bundle.manifest.sha256 in text
    assert "was not compared with TensorFlow Lite Micro" in text  # what this bundle says of itself
    assert "| 4 | a\\|b c |" in text
    logits = bundle.body.outputs["logits"]
    assert f"(value - ({logits.zero_point})) * {logits.scale:.9g}" in text


def test_class_names_reach_c_as_they_are(bundle: Bundle, tmp_path: Path) -> None:
    folder = export_bundle(bundle, "c", tmp_path / "c").folder
    main = tmp_path / "main.c"
    main.write_text(
        '#include <stdio.h>\n#include "myofin_decision.h"\nint main(void)\n{\n'
        "    for (uint32_t i = 0; i < MYOFIN_LOGITS; i++) {\n"
        "        (void)fwrite(myofin_class_names[i], 1, strlen(myofin_class_names[i]) + 1, stdout);\n    }\n"
        "    return 0;\n}\n".replace("strlen", "__builtin_strlen")
    )
    sources = [main, folder / "src" / "myofin_decision.c"]
    command = ["cc", "-std=c99", "-Wall", "-Werror", f"-I{folder / 'src'}", *sources, "-o", tmp_path / "main"]
    subprocess.run(command, check=True, timeout=60)
    shown = subprocess.run([tmp_path / "main"], capture_output=True, check=True, timeout=20).stdout
    assert tuple(shown.decode().split("\0")[:-1]) == AWKWARD


def test_c_string_escapes_what_c_would_read_otherwise() -> None:
    assert c_string('a"b\\c?é') == '"a\\042b\\134c\\077\\303\\251"'


def test_the_headers_serve_cxx(bundle: Bundle, tmp_path: Path) -> None:
    folder = export_bundle(bundle, "c", tmp_path / "c").folder
    objects = []
    for source in sorted((folder / "src").glob("*.c")):
        objects.append(tmp_path / f"{source.stem}.o")
        subprocess.run(["cc", "-std=c99", "-c", source, "-o", objects[-1]], check=True, timeout=60)
    main = tmp_path / "main.cc"
    main.write_text(
        '#include "myofin_decision.h"\n#include "myofin_selftest.h"\nstatic myofin_state_t state;\n'
        "int main() { return static_cast<int>(myofin_selftest(&state).stage); }\n"
    )
    program = tmp_path / "main"
    command = ["g++", *CXX_WARNINGS, f"-I{folder / 'src'}", main, *objects, "-o", program]
    subprocess.run(command, check=True, timeout=60)
    assert subprocess.run([program], check=False, timeout=20).returncode == 0


def test_one_window_of_each_movement_comes_first() -> None:
    labels = np.array([2, 2, 1, 1, 3, 3], np.int16)
    assert sorted(choose_windows(labels, 3, "reset").tolist()) == [0, 2, 4]
    assert len(choose_windows(labels, 5, "reset")) == 5
    assert len(set(choose_windows(labels, 9, "reset").tolist())) == 6
    assert choose_windows(labels, 4, "carry").tolist() == [0, 1, 2, 3]
    with pytest.raises(ArtifactError, match="no golden windows"):
        choose_windows(labels[:0], 4, "reset")


def test_a_folder_that_holds_something_is_never_overwritten(bundle: Bundle, tmp_path: Path) -> None:
    precious = tmp_path / "mine" / "precious.c"
    precious.parent.mkdir()
    precious.write_text("int x;\n")
    with pytest.raises(InputError, match="not empty"):
        export_bundle(bundle, "c", precious.parent)
    with pytest.raises(InputError, match="not empty"):
        export_bundle(bundle, "c", precious)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    export_bundle(bundle, "c", tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "mine"]


def test_an_unknown_kind_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no export 'rust'"):
        export_bundle(bundle, "rust", tmp_path / "rust")


def test_the_command_writes_and_tells(bundle: Bundle, tmp_path: Path) -> None:
    arguments = [str(bundle.folder), "--as", "c", "--windows", "2", "--out", str(tmp_path / "c"), "--json"]
    document = json.loads(CliRunner().invoke(export, arguments, catch_exceptions=False).output)
    assert document["selftest"]["windows"] == 2
    assert "src/myofin_model.c" in document["files"]
    text = CliRunner().invoke(
        export, [str(bundle.folder), "--out", str(tmp_path / "d")], catch_exceptions=False
    )
    assert "self-test of 4 windows" in text.output
    missing = CliRunner().invoke(export, [str(tmp_path / "none"), "--out", str(tmp_path / "e")])
    assert isinstance(missing.exception, ArtifactError)
