"""Imports run one way, and TensorFlow is never imported when a module is loaded."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "myofin": set(),
    "boards": set(),
    "train": set(),
    "convert": {"boards"},
    "firmware_bridge": {"convert", "boards"},
    "sweep": {"train", "firmware_bridge", "convert", "boards"},
}
COMPOSERS = {"myofin/cli.py", "myofin/commands/demo.py", "myofin/commands/doctor.py"}
PARTS = set(MAY_IMPORT) - {"myofin"}


def modules(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the mapping of folders to packages"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", list(MAY_IMPORT))
def test_imports_run_one_way(folder):
    for path in modules(folder):
        name = path.relative_to(ROOT).as_posix()
        if name in COMPOSERS:
            continue
        for module in imported(ast.parse(path.read_text())):
            parts = module.split(".")
            if parts[0] == "myofin" and len(parts) > 1 and parts[1] in PARTS:
                assert parts[1] == folder or parts[1] in MAY_IMPORT[folder], f"{name} imports {module}"


@pytest.mark.parametrize("folder", list(MAY_IMPORT))
def test_tensorflow_is_never_imported_at_load(folder):
    for path in modules(folder):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = set(imported(ast.Module(body=[node], type_ignores=[])))
                assert not any(name.split(".")[0] in {"tensorflow", "tf_keras"} for name in names), path
