"""A run to a bundle: convert, mend, gate, generate, prove, write.

Nothing is written unless every check holds: the conversion gate, the state contract on every host executor,
and the generated C (compiled for this machine) against TFLM on every window at hand.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from myofin.artifacts import new_artifact, write_manifest, write_whole
from myofin.convert.arithmetic import arithmetic_models
from myofin.convert.bundle import (
    ENGINE_FOLDER,
    FLOAT_MODEL_FILE,
    GOLDEN_FILE,
    MODEL_FILE,
    TFLM_FOLDER,
    Bundle,
    Golden,
    read_bundle,
)
from myofin.convert.bundle_page import write_bundle_page
from myofin.convert.codegen import Engine, generate_c
from myofin.convert.contract import encode_under, run_under
from myofin.convert.executors import (
    TfliteRuntimeExecutor,
)
from myofin.convert.flatbuffer import mend_cell_scale
from myofin.convert.gate import check_gate
from myofin.convert.int16x8 import convert_to_int16x8
from myofin.convert.proofs import model_facts, prove_engine
from myofin.convert.run import Run, read_run
from myofin.convert.schema import Scheme
from myofin.convert.tensorflow_client import convert_with_tensorflow
from myofin.convert.tflm_export import export_tflm
from myofin.locks import locked
from myofin.progress import Progress, silent

# Windows that the generated C must reproduce before a bundle is written, beside all golden ones.
PROOF_WINDOWS = 1000


def convert_run(
    run_folder: Path,
    scheme: Scheme,
    out: Path,
    *,
    sliding: bool | None = None,
    models: Path | None = None,
    progress: Progress = silent,
) -> Bundle:
    """Convert a run and write its bundle.

    Args:
        run_folder: What ``myofin train`` left.
        scheme: How the bundle's model represents numbers.
        out: Folder of the bundle; an older bundle there is replaced.
        sliding: Whether the engine keeps what later windows can use again, as for ``generate_c``.
        models: Folder where what TensorFlow's converter makes of the run is kept, for the next conversion.
        progress: Told about the stages ``convert``, ``calibrate`` (int16x8) and ``prove``.

    Raises:
        ArtifactError: The run is missing or damaged.
        CheckError: The gate, the state contract or the equality of the C engine does not hold.
        ToolMissingError: TensorFlow, a TFLite runtime or a C compiler is missing.
    """
    run = read_run(run_folder)
    with new_artifact(out, "bundle") as folder:
        progress("convert", 0, 3)
        float_model, converted = _models(run, scheme, models, progress)
        model, mended = mend_cell_scale(converted)
        progress("convert", 2, 3)
        (folder / MODEL_FILE).write_bytes(model)
        (folder / FLOAT_MODEL_FILE).write_bytes(float_model)
        _generate(run, model, folder, sliding)
        progress("convert", 3, 3)
        body = _prove(run, scheme, model, float_model, folder, progress) | {"mended": mended}
        write_bundle_page(folder, body)
        write_manifest(
            folder,
            "bundle",
            body,
            arguments={"scheme": scheme, "sliding": sliding},
            inputs={"run.json": run.manifest.sha256},
            seed=run.manifest.document["seed"],
        )
    return read_bundle(out)


def _models(run: Run, scheme: Scheme, models: Path | None, progress: Progress) -> tuple[bytes, bytes]:
    """The float32 model of a run, and that of the scheme."""
    if run.body.arithmetic:
        return arithmetic_models(run, scheme)
    float_model = _kept(run, "float32", models)
    progress("convert", 1, 3)
    return float_model, _quantized(run, scheme, float_model, models, progress)


def _quantized(
    run: Run, scheme: Scheme, float_model: bytes, models: Path | None, progress: Progress
) -> bytes:
    if scheme == "float32":
        return float_model
    if scheme == "int16x8":  # which the official converter refuses for an LSTM
        return convert_to_int16x8(float_model, run.calibration, progress=progress)
    return _kept(run, scheme, models)


def kept_model(keep: Path, run_sha256: str, scheme: Scheme) -> Path:
    """Where a folder keeps what TensorFlow's converter makes of a run, named by its manifest's SHA-256."""
    return keep / f"model-{run_sha256}-{scheme}.tflite"


def _kept(run: Run, scheme: Scheme, keep: Path | None) -> bytes:
    """What TensorFlow's converter makes of a run; asked only once where there is a folder to keep it."""
    folder = run.manifest.folder
    if keep is None:
        return convert_with_tensorflow(folder, scheme)
    path = kept_model(keep, run.manifest.sha256, scheme)
    with locked(path.with_suffix(".lock")):
        if not path.is_file():
            write_whole(path, convert_with_tensorflow(folder, scheme))
    return path.read_bytes()


def _generate(run: Run, model: bytes, folder: Path, sliding: bool | None) -> None:
    body = run.body
    engines: dict[str, Engine] = {ENGINE_FOLDER: "c"}
    with_tflm = body.state == "reset" and not body.arithmetic
    if with_tflm:
        engines[TFLM_FOLDER] = "tflm"
    for name, engine in engines.items():
        generate_c(
            model,
            body.frontend,
            folder / name,
            frame_samples=body.frame_samples,
            channels=body.channels,
            state=body.state,
            sliding=sliding if engine == "c" else None,
            engine=engine,
        )
    if not body.arithmetic:  # of whose features TFLM has no operator
        export_tflm(model, folder / TFLM_FOLDER)


def _prove(
    run: Run, scheme: Scheme, model: bytes, float_model: bytes, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Run every executor on the golden and calibration windows; return the body of the manifest."""
    contract = run.body.state
    golden_codes = encode_under(contract, run.frontend, run.test_counts, run.body.frames)
    codes = np.concatenate([golden_codes, run.calibration[:PROOF_WINDOWS]])
    proven = prove_engine(model, folder / ENGINE_FOLDER, scheme, contract, codes, progress)
    floats = run_under(contract, TfliteRuntimeExecutor(float_model), codes)
    expected_ops = int(run.body.model["lstm_ops"])
    gate = check_gate(model, float_model, proven.outputs, floats, expected_lstm_ops=expected_ops)
    golden = len(golden_codes)
    Golden(
        counts=run.test_counts,
        labels=run.test_labels,
        true_features=run.test_features,
        codes=golden_codes,
        features=proven.oracle.features[:golden],
        logits=proven.oracle.logits[:golden],
        float_features=floats.features[:golden],
        float_logits=floats.logits[:golden],
    ).save(folder / GOLDEN_FILE)
    return _body(run, scheme, model) | proven.facts | {"gate": asdict(gate)}


def _body(run: Run, scheme: Scheme, model: bytes) -> dict[str, Any]:
    signal = run.body.model_dump(mode="json", exclude={"features", "model", "state", "metrics"})
    own = {"feature_scaling": run.body.features.model_dump(mode="json"), "network": run.body.model}
    return signal | model_facts(model, scheme) | own
