"""Artifacts: nothing half made, nothing of someone else's replaced, nothing changed unnoticed."""

import json
from pathlib import Path

import pytest

from myofin.artifacts import manifest_path, new_artifact, read_manifest, sha256_file, write_manifest
from myofin.errors import ArtifactError


def make(target: Path, text: str = "payload") -> Path:
    with new_artifact(target, "run") as folder:
        (folder / "weights").mkdir()
        (folder / "weights" / "w.txt").write_text(text)
        write_manifest(folder, "run", {"a": 1}, arguments={"x": 2}, inputs={"in": "00"}, seed=3)
    return target


def test_round_trip_keeps_body_seed_and_digests(tmp_path):
    manifest = read_manifest(make(tmp_path / "run"), "run")
    assert manifest.body == {"a": 1}
    assert manifest.document["seed"] == 3
    assert manifest.document["files"] == {"weights/w.txt": sha256_file(tmp_path / "run/weights/w.txt")}
    assert manifest.document["packages"]["numpy"]


def test_published_digest_of_abc(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")  # FIPS 180-4, example 1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "f") == expected


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_step_leaves_nothing_and_keeps_the_old(tmp_path, failure):
    make(tmp_path / "run", "old")
    with pytest.raises(failure), new_artifact(tmp_path / "run", "run") as folder:
        (folder / "half").write_text("x")
        raise failure
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run/weights/w.txt").read_text() == "old"


def test_an_artifact_of_the_same_kind_is_replaced(tmp_path):
    make(tmp_path / "run", "old")
    make(tmp_path / "run", "new")
    assert (tmp_path / "run/weights/w.txt").read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_a_foreign_folder_is_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ArtifactError, match="not a bundle"), new_artifact(tmp_path, "bundle"):
        pass
    assert (tmp_path / "thesis.txt").is_file()


def test_a_changed_or_missing_file_is_noticed(tmp_path):
    run = make(tmp_path / "run")
    (run / "weights/w.txt").write_text("tampered")
    with pytest.raises(ArtifactError, match="was changed"):
        read_manifest(run, "run")
    (run / "weights/w.txt").unlink()
    with pytest.raises(ArtifactError, match="lacks"):
        read_manifest(run, "run")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"kind": "run"}', '{"kind":"run","schema_version":1,"body":3,"files":{}}'],
)
def test_a_broken_manifest_is_one_sentence(tmp_path, text):
    run = make(tmp_path / "run")
    manifest_path(run, "run").write_text(text)
    with pytest.raises(ArtifactError, match="not a readable manifest"):
        read_manifest(run, "run")


def test_another_schema_or_kind_is_refused(tmp_path):
    run = make(tmp_path / "run")
    path = manifest_path(run, "run")
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"schema_version": 99}))
    with pytest.raises(ArtifactError, match="schema 99"):
        read_manifest(run, "run")
    with pytest.raises(ArtifactError, match="run is a run, not a bundle") as told:
        read_manifest(run, "bundle")
    assert told.value.hint == "Give a bundle, as `myofin convert` leaves one."
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match=r"empty holds no bundle.json, so it is not a bundle"):
        read_manifest(tmp_path / "empty", "bundle")
    with pytest.raises(ArtifactError, match="no image at"):
        read_manifest(tmp_path / "nowhere", "image")


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname"])
def test_a_manifest_may_not_name_files_outside_its_folder(tmp_path, name):
    run = make(tmp_path / "run")
    (tmp_path / "outside").write_text("x")
    path = manifest_path(run, "run")
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"files": {name: "00"}}))
    with pytest.raises(ArtifactError, match="outside the folder"):
        read_manifest(run, "run")
