"""The forms of ecosystems: checked by their own tools or schemas, built with stand-ins of them, and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

import kconfiglib
import yaml
from export_cases import CXX_WARNINGS, DATA, compile_and_run, fixture_bundle

from myofin.convert.bundle import Bundle
from myofin.convert.export import export_bundle
from myofin.firmware_bridge.tflm_tree import find_tree

STUBS = DATA / "stubs"
TREE = os.environ.get("MYOFIN_TFLM_ROOT")
# docs.arduino.cc/arduino-cli/library-specification, "library.properties file format".
ARDUINO_REQUIRED = {
    *("name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"),
}
ARDUINO_OPTIONAL = {"depends", "dot_a_linkage", "includes", "precompiled", "ldflags", "license"}
ARDUINO_CATEGORIES = {
    *("Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing"),
    *("Data Storage", "Data Processing", "Other"),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return fixture_bundle("joint4_plain", tmp_path_factory.mktemp("forms") / "bundle")


def exported(bundle: Bundle, kind: str, folder: Path) -> Path:
    return export_bundle(bundle, kind, folder / "export").folder


def tool(*command: object, cwd: Path | None = None, **variables: str) -> str:
    """Run a tool that must be content; what it said."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sketch(export: Path, name: str, loops: int, scratch: Path) -> list[str]:
    """Compile an Arduino sketch around the library and run it."""
    library = [*sorted((export / "src").glob("*.c"))]
    objects = []
    for source in library:
        objects.append(scratch / f"{source.stem}.o")
        tool("cc", "-O2", "-c", source, "-o", objects[-1])
    flags = (*CXX_WARNINGS, f"-I{STUBS / 'arduino'}", f"-I{export / 'src'}")
    code = (export / "examples" / name / f"{name}.ino", STUBS / "arduino" / "main.cpp")
    program = scratch / name
    tool("g++", *flags, "-x", "c++", "-include", "Arduino.h", *code, "-x", "none", *objects, "-o", program)
    return tool(program, loops).splitlines()


def test_arduino_sketches_compile_and_run(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "arduino", tmp_path)
    assert sketch(export, "SelfTest", 1, tmp_path) == ["4 windows passed"]
    lines = sketch(export, "Decide", 120, tmp_path)
    assert lines
    assert all(re.fullmatch(r"frame \d+: class \d+", line) for line in lines)


def test_arduino_properties_keep_the_specification(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "arduino", tmp_path)
    lines = (export / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert len(fields) == len(lines)
    assert set(fields) >= ARDUINO_REQUIRED
    assert set(fields) <= ARDUINO_REQUIRED | ARDUINO_OPTIONAL
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in ARDUINO_CATEGORIES
    assert fields["sentence"].endswith(".")
    for header in fields["includes"].split(","):
        assert (export / "src" / header).is_file()
    for name in ("Decide", "SelfTest"):  # the sketch has the name of its folder
        assert (export / "examples" / name / f"{name}.ino").is_file()
    for line in (export / "keywords.txt").read_text().splitlines():
        assert re.fullmatch(r"\w+\t(KEYWORD1|KEYWORD2|LITERAL1)", line)


def test_platformio_packs_the_library(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "platformio", tmp_path)
    archive = tmp_path / "library.tar.gz"
    said = tool(
        *(sys.executable, "-m", "platformio", "pkg", "pack", "-o", archive, "."),
        cwd=export,
        PLATFORMIO_CORE_DIR=str(tmp_path / "core"),
    )
    assert "Wrote a tarball" in said
    held = tool("tar", "tzf", archive).split()
    assert {"library.json", "src/myofin_model.c", "examples/decide/src/main.c"} <= set(held)
    code, text = compile_and_run("host", export, "examples/decide/src/main.c", tmp_path)
    assert (code, text.splitlines()[0]) == (0, "self-test: 4 windows passed")


def built(source: Path, scratch: Path, **variables: str) -> str:
    """Configure, build and run a project's ``app``."""
    tool("cmake", "-S", source, "-B", scratch / "build", **variables)
    tool("cmake", "--build", scratch / "build", **variables)
    return tool(scratch / "build" / "app")


def test_zephyr_sample_builds_and_passes(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "zephyr", tmp_path)
    source = export / "samples" / "decide"
    text = built(source, tmp_path, Zephyr_DIR=str(STUBS / "zephyr"), ZEPHYR_BASE=str(STUBS / "zephyr"))
    sample = yaml.safe_load((source / "sample.yaml").read_text())
    (case,) = sample["tests"].values()
    (pattern,) = case["harness_config"]["regex"]
    assert re.search(pattern, text)
    assert set(sample) == {"sample", "tests"}
    assert set(case) <= {"tags", "min_ram", "min_flash", "harness", "harness_config"}


def test_zephyr_module_and_kconfig(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "zephyr", tmp_path)
    module = yaml.safe_load((export / "zephyr" / "module.yml").read_text())
    assert set(module) <= {"name", "build", "samples"}  # of Zephyr's scripts/zephyr_module.py
    assert (export / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert all((export / folder).is_dir() for folder in module["samples"])
    kconfig = kconfiglib.Kconfig(str(export / module["build"]["kconfig"]), warn_to_stderr=False)
    assert kconfig.warnings == []
    assert kconfig.syms["MYOFIN_SELFTEST"].str_value == "n"
    kconfig.load_config(str(export / "samples" / "decide" / "prj.conf"))
    assert [kconfig.syms[name].str_value for name in ("MYOFIN", "MYOFIN_SELFTEST")] == ["y", "y"]


def test_esp_idf_component_packs_and_its_project_builds(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "esp-idf", tmp_path)
    text = built(export / "examples" / "decide", tmp_path, IDF_PATH=str(STUBS / "esp-idf"))
    assert text.splitlines()[0] == "self-test: 4 windows passed"
    said = tool(
        *(
            sys.executable,
            "-m",
            "idf_component_manager",
            "component",
            "pack",
            "--name",
            "myofin",
            "--dest-dir",
            tmp_path / "packed",
        ),
        cwd=export,
    )
    assert "Saving component archive" in said
    assert list((tmp_path / "packed").glob("myofin_*.tgz"))


def test_tflm_form_compiles_against_its_interface(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "tflm", tmp_path)
    include = (f"-I{export / 'src'}", f"-I{STUBS / 'tflm'}")
    for source in (export / "src" / "network.cc", export / "examples" / "decide.cc"):
        tool("g++", *CXX_WARNINGS, *include, "-c", source, "-o", tmp_path / "object.o")
    for source in sorted((export / "src").glob("*.c")):
        tool(
            "cc", "-std=c99", "-Wall", "-Wextra", "-Werror", include[0], "-c", source, "-o", tmp_path / "o.o"
        )
    arena = re.findall(r"(\d+)u", (export / "src" / "arena.h").read_text())
    assert f"{int(arena[2]):,} bytes of arena" in (export / "README.md").read_text()


@pytest.mark.skipif(not TREE, reason="MYOFIN_TFLM_ROOT names no TFLM source tree (docs/tflm-engine.md)")
def test_tflm_form_passes_its_self_test_with_the_real_tree(bundle: Bundle, tmp_path: Path) -> None:
    export = exported(bundle, "tflm", tmp_path)
    tree = find_tree(os.environ, cmsis_nn=False)
    methods = re.findall(r"resolver\.(Add\w+)\(\)", (export / "src" / "resolver.h").read_text())
    sources = [
        *tree.core_files(),
        *tree.kernel_files(methods),
        tree.root / "tensorflow/lite/micro/debug_log.cc",
    ]
    plain = ("-w", "-O0", "-std=c++17", "-fno-exceptions", "-fno-rtti", "-DTF_LITE_STATIC_MEMORY")
    flags = (*plain, *(f"-I{path}" for path in tree.includes))
    objects = [tmp_path / f"tflm{index}.o" for index in range(len(sources))]
    for source, target in zip(sources, objects, strict=True):
        tool("g++", *flags, "-c", source, "-o", target)
    tool("ar", "rcs", tmp_path / "libtflm.a", *objects)
    settings = (
        f"-DTFLM_INCLUDE_DIRS={';'.join(map(str, tree.includes))}",
        f"-DTFLM_LIBRARY={tmp_path / 'libtflm.a'}",
    )
    tool("cmake", "-S", export, "-B", tmp_path / "build", *settings)
    tool("cmake", "--build", tmp_path / "build")
    assert tool(tmp_path / "build" / "decide").splitlines()[0] == "self-test: 4 windows passed"
