"""What the texts of an export say about its model: shapes, memory, classes, proofs, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from myofin import __version__
from myofin.convert.bundle import Bundle
from myofin.convert.codegen import Engine
from myofin.convert.export_memory import Memory, engine_memory
from myofin.convert.schema import BundleBody

_ORACLES: Final[Mapping[str, str]] = {
    "tflm": "TensorFlow Lite Micro's reference kernels",
    "c-engine": "this engine, compiled for the host,",
}
_SCHEMES: Final[Mapping[str, str]] = {
    "float32": "32-bit floats",
    "int8": "8-bit integers",
    "int16x8": "16-bit activations, 8-bit weights",
}
_SYSTEM_RAM_KB: Final = 16
_SYSTEM_FLASH_KB: Final = 32


@dataclass(frozen=True)
class ExportFacts:
    """Every fact that a template may use; texts end in a full stop where they are sentences."""

    kind: str
    engine: Engine
    tool_version: str
    model_sha256: str
    bundle_sha256: str
    body: BundleBody
    windows: int
    selftest_bytes: int
    memory: Memory

    @property
    def ram_kb(self) -> int:
        """RAM of a sample in kB, with room for its stack and a kernel."""
        return -(-self.memory.ram_bytes // 1024) + _SYSTEM_RAM_KB

    @property
    def flash_kb(self) -> int:
        """Flash of a sample in kB, with room for a kernel."""
        return -(-(self.memory.flash_bytes + self.selftest_bytes) // 1024) + _SYSTEM_FLASH_KB

    @property
    def scheme(self) -> str:
        """How numbers are represented."""
        return self.body.scheme

    @property
    def contract(self) -> str:
        """The state contract."""
        return self.body.contract

    @property
    def frames(self) -> int:
        """Frames of one window."""
        return self.body.frames

    @property
    def frame_codes(self) -> int:
        """Counts of one frame, all channels."""
        return self.body.frame_codes

    @property
    def tolerance(self) -> str:
        """Largest difference that passes, as a C literal (float32 only)."""
        return f"{self.body.float_tolerance!r}f"

    @property
    def class_names(self) -> tuple[str, ...]:
        """A name for each logit."""
        return self.body.class_names

    @property
    def foreign(self) -> bool:
        """Whether the model came without a run: it has no front end and no recording."""
        return self.body.windows is not None

    @property
    def title(self) -> str:
        """Heading of the README."""
        if self.foreign:
            return f"{_plain(self.body.dataset)}, {self.scheme}"
        if self.body.arithmetic:
            what = "Features by arithmetic and a linear head"
            return f"{what} for {self.body.channels} channels at {self.body.rate_hz} Hz, {self.scheme}"
        return f"An LSTM-FIN for {self.body.channels} channels at {self.body.rate_hz} Hz, {self.scheme}"

    @property
    def summary(self) -> str:
        """One sentence on what this is."""
        body = self.body
        if self.foreign:
            return (
                f"A network that was converted as it came: {body.frames} frames of {body.frame_codes} values "
                f"in, {body.outputs['logits'].size} values out."
            )
        return (
            f"Recognises {len(body.classes)} movements in surface EMG: a window of {body.frames} frames of "
            f"{body.frame_samples} samples of {body.channels} channels in, features and logits out."
        )

    @property
    def table(self) -> tuple[tuple[str, str], ...]:
        """Name and value of what a user wants to know first."""
        body = self.body
        if self.foreign:
            return (("Input", _input_words(body)), *_sizes(body))
        hop_ms = 1000 * body.frame_samples / body.rate_hz
        return (
            ("Trained on", f"{body.dataset}, subject {body.subject}".replace("|", "/")),
            ("Input", f"`int16_t` ADC counts, {body.channels} channels at {body.rate_hz} Hz, interleaved"),
            ("Frame (hop)", f"{body.frame_samples} samples of each channel, {hop_ms:g} ms"),
            ("Window", f"{body.frames} frames, {hop_ms * body.frames:g} ms"),
            ("Features", _features(body)),
            *_sizes(body),
        )

    @property
    def frame_words(self) -> str:
        """A frame in words."""
        if self.foreign:
            return "one frame of the input"
        ms = 1000 * self.body.frame_samples / self.body.rate_hz
        return f"{ms:g} ms of interleaved int16 ADC counts"

    @property
    def layout(self) -> str:
        """How counts are laid out."""
        body = self.body
        if self.foreign:
            values = _input_words(body)
            return f"a frame of the model's own input, saturated to int8. Its values are {values}."
        return (
            f"{body.frame_samples} samples of all {body.channels} channels, sample after sample, channel "
            f"fastest (`counts[sample * {body.channels} + channel]`), as the ADC gave them in the recording: "
            "the front end in here knows that ADC's offsets and gains."
        )

    @property
    def every(self) -> str:
        """What happens at each further frame."""
        if self.contract == "carry":
            return ": each such call is one step of the network"
        return ": windows overlap, one decision a hop"

    @property
    def contract_words(self) -> str:
        """The state contract in words."""
        if self.contract == "carry":
            return (
                "State contract `carry`: the LSTM keeps its state until `myofin_init`; push frames in order, "
                "and call `myofin_init` after a gap in the signal."
            )
        if self.body.arithmetic:
            return "State contract `reset`: a decision depends on the frames held and on nothing before."
        return (
            "State contract `reset`: the LSTM starts at zero at each window, so a decision depends on the "
            "frames held and on nothing before."
            + (" A DC blocker of the front end keeps its own state." if self._blocks_dc else "")
        )

    @property
    def output_words(self) -> str:
        """How to read the outputs."""
        if self.foreign and self.scheme == "float32":
            return "The logits are the model's output; the features are the same where it has only one."
        if self.foreign:
            logits = self.body.outputs["logits"]
            return (
                "The logits are the model's output, of the value "
                f"`(q - ({logits.zero_point})) * {logits.scale:.9g}`; the features are the same where it has "
                "only one."
            )
        if self.scheme == "float32":
            return "Features are standardised; logits need no scaling for the largest to win."
        features, logits = self.body.outputs["features"], self.body.outputs["logits"]
        return (
            f"A feature is `(value - ({features.zero_point})) * {features.scale:.9g}`, standardised; a logit "
            f"`(value - ({logits.zero_point})) * {logits.scale:.9g}`."
        )

    @property
    def oracle(self) -> str:
        """Who said what is right."""
        if self.body.arithmetic and self.body.oracle["name"] == "tflm":
            return "NumPy (features) and TensorFlow Lite Micro's reference kernels (logits)"
        return _ORACLES[str(self.body.oracle["name"])]

    @property
    def equality(self) -> str:
        """How equal they must be."""
        if self.scheme == "float32":
            return f" (features and logits within {self.body.float_tolerance:g}, codes exactly)"
        return ", bit for bit"

    @property
    def golden_origin(self) -> str:
        """Where the golden windows are from."""
        if self.foreign:
            return f"The golden windows are {self.body.windows}."
        test = ", ".join(map(str, self.body.split.test))
        return (
            f"The golden windows are raw counts from the test repetitions ({test}) of the recording that the "
            f"network was trained on ({_plain(self.body.dataset)}, subject {_plain(self.body.subject)})."
        )

    @property
    def proof(self) -> str:
        """What was compared before the bundle was written."""
        equal = self.body.oracle["engine_equal"]
        if not equal:
            return (
                "The generated C was not compared with TensorFlow Lite Micro, which had no wheel for the "
                "Python that made it."
            )
        return (
            "Before that bundle was written, the generated C gave the same outputs as TensorFlow Lite Micro "
            f"on {equal['equal']} of {equal['windows']} windows{self._within}."
        )

    @property
    def _blocks_dc(self) -> bool:
        return bool(self.body.frontend.get("dc_shift"))

    @property
    def _within(self) -> str:
        return f" (within {self.body.float_tolerance:g})" if self.scheme == "float32" else ""

    @property
    def libc(self) -> str:
        """What the engine includes of libc."""
        return "`string.h` and `math.h`" if self.scheme == "float32" else "`string.h`"


def _sizes(body: BundleBody) -> tuple[tuple[str, str], ...]:
    return (
        ("Logits", f"{body.outputs['logits'].size}, one for each class"),
        ("Numbers", f"{body.scheme}: {_SCHEMES[body.scheme]}"),
        ("State contract", body.contract),
        ("Multiply-accumulates a decision", f"{body.macs:,}"),
    )


def _input_words(body: BundleBody) -> str:
    if body.scheme == "float32":
        return "`int16_t` integers from -128 to 127, taken as multiples of 1/128"
    return (
        f"`int16_t` integers q from -128 to 127 of the value "
        f"`(q - ({body.input.zero_point})) * {body.input.scale:.9g}`"
    )


def _features(body: BundleBody) -> str:
    size, names = body.outputs["features"].size, ", ".join(body.feature_scaling.names)
    return f"{size}: of each channel {names}" if names else str(size)


def _plain(text: str) -> str:
    """A name from a recording, fit for a C comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text).replace("*/", "* /")


def gather_facts(bundle: Bundle, kind: str, engine: Engine, *, windows: int, golden: int) -> ExportFacts:
    """Collect the facts of one export.

    Args:
        bundle: What is exported.
        kind: Name of the form.
        engine: What executes the network in it.
        windows: Golden windows in the self-test.
        golden: Bytes that they take.

    Raises:
        ArtifactError: The bundle lacks a file of this engine.
        ModelError: The size of the generated C cannot be predicted.
    """
    return ExportFacts(
        kind=kind,
        engine=engine,
        tool_version=__version__,
        model_sha256=bundle.body.model_sha256,
        bundle_sha256=bundle.manifest.sha256,
        body=bundle.body,
        windows=windows,
        selftest_bytes=golden,
        memory=engine_memory(bundle, engine),
    )
