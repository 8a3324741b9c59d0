"""The sliding engine decides at every hop what the plain call decides on that window."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_cases import CHANNELS, INT8_MODELS, INT16_MODELS, front_end, input_shape, model
from numpy.typing import NDArray

from myofin.convert.codegen import generate_c
from myofin.convert.host_engine import HostEngine, compile_sources
from myofin.errors import ModelError
from myofin.frontend import FrontEnd
from myofin.recordings.load import load_recording
from myofin.recordings.synthetic import SyntheticConfig
from myofin.recordings.synthetic import generate as synthesise

# Decides on the frames pushed and, in between, invokes the plain call on the codes held: neither may disturb
# the other. A frame of the value 1 in `marks` begins anew.
_MAIN = """
#include <stdio.h>
#include <string.h>
#include "myofin_model.h"
int main(void)
{
    static myofin_state_t state;
    static int16_t counts[MYOFIN_FRAME_CODES];
    static int8_t newest[MYOFIN_FRAME_CODES];
    myofin_value_t features[2][MYOFIN_FEATURES];
    myofin_value_t logits[2][MYOFIN_LOGITS];
    uint32_t decisions = 0;
    uint32_t different = 0;
    int mark;
    while ((mark = getchar()) != EOF) {
        if (mark == 1) {
            myofin_init(&state);
        }
        if (fread(counts, sizeof(counts), 1, stdin) != 1u) {
            return 2;
        }
        if (!myofin_push_frame(&state, counts)) {
            continue;
        }
        memcpy(newest, myofin_newest_codes(&state), MYOFIN_FRAME_CODES);
        myofin_decide(&state, features[0], logits[0]);
        if ((decisions % 7u) != 3u) { /* not always, so that the window wraps around too */
            const int8_t *last = myofin_window_codes(&state) + (MYOFIN_WINDOW_CODES - MYOFIN_FRAME_CODES);
            different += (memcmp(newest, last, sizeof(newest)) != 0) ? 1u : 0u;
            different += (memcmp(newest, myofin_newest_codes(&state), sizeof(newest)) != 0) ? 1u : 0u;
            myofin_invoke(&state, myofin_window_codes(&state), features[1], logits[1]);
            different += (memcmp(features[0], features[1], sizeof(features[0])) != 0) ? 1u : 0u;
            different += (memcmp(logits[0], logits[1], sizeof(logits[0])) != 0) ? 1u : 0u;
        }
        decisions++;
    }
    printf("%u %u", (unsigned)decisions, (unsigned)different);
    return 0;
}
"""


def sliding_engine(name: str, folder: Path, front: FrontEnd, *, sliding: bool | None = True) -> int:
    content = model(name)
    frame_samples = input_shape(content)[1] // CHANNELS[name]
    generate_c(
        content,
        front.to_json(),
        folder,
        frame_samples=frame_samples,
        channels=CHANNELS[name],
        sliding=sliding,
    )
    return frame_samples


def signal(channels: int, samples: int, seed: int) -> NDArray[np.int16]:
    rng = np.random.default_rng(seed)
    loudness = np.geomspace(1, 6000, samples)[:, np.newaxis]
    return np.clip(rng.normal(0, 1, (samples, channels)) * loudness, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("name", INT8_MODELS + INT16_MODELS)
def test_every_hop_equals_the_plain_call(name: str, tmp_path: Path) -> None:
    front = front_end(CHANNELS[name])
    frame_samples = sliding_engine(name, tmp_path, front)
    main, program = tmp_path / "main.c", tmp_path / "program"
    main.write_text(_MAIN)
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    compile_sources(sorted(tmp_path.glob("*.c")), program, tmp_path, *flags)
    frames = 95
    counts = signal(CHANNELS[name], frames * frame_samples, 3).reshape(frames, -1)
    starts = (0, 61)  # the second begins while the rings stand in the middle of a turn
    sent = b"".join(bytes([i in starts]) + frame.tobytes() for i, frame in enumerate(counts))
    done = subprocess.run([program], input=sent, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.split() == [str(32 + 5).encode(), b"0"]


def assert_recording(name: str, counts: NDArray[np.int16], folder: Path) -> None:
    """Every window of a whole recording: streamed while sliding, and one by one."""
    front = FrontEnd.fit(counts)
    frame_samples = sliding_engine(name, folder / "sliding", front)
    sliding_engine(name, folder / "plain", front, sliding=False)
    engine, plain = HostEngine(folder / "sliding"), HostEngine(folder / "plain")
    frames = front.encode(counts[: len(counts) // frame_samples * frame_samples])
    frames = frames.reshape(-1, frame_samples * CHANNELS[name])
    for _ in range(2):  # myofin_init empties the rings
        features, logits = engine.stream(counts)
        assert len(features) == len(frames) - 29
        for first in range(0, len(features), 1000):
            some = range(first, min(first + 1000, len(features)))
            expected = plain.invoke(np.stack([frames[i : i + 30] for i in some]))
            assert np.array_equal(features[some.start : some.stop], expected[0])
            assert np.array_equal(logits[some.start : some.stop], expected[1])


@pytest.mark.parametrize("name", ["shared4_hidden", "shared4_int16x8"])
def test_a_synthetic_recording(name: str, tmp_path: Path) -> None:
    config = SyntheticConfig(channels=4, rate_hz=1000, movements=3, movement_s=0.8, rest_s=0.3, seed=5)
    assert_recording(name, synthesise(config).counts, tmp_path)


def test_a_real_recording(tmp_path: Path, real_data: Path) -> None:
    recording = load_recording(real_data / "3dc" / "participant07.npz")
    assert_recording("shared4_hidden", recording.counts[:60_000, :4], tmp_path)


def test_the_header_says_which(tmp_path: Path) -> None:
    said = {}
    for sliding in (True, False, None):
        sliding_engine("shared12", tmp_path, front_end(12), sliding=sliding)
        said[sliding] = "#define MYOFIN_SLIDING 1u" in (tmp_path / "myofin_model.h").read_text()
    assert said == {True: True, False: False, None: True}


@pytest.mark.parametrize(("name", "hops"), [("frames3_hops3", 3), ("frames2_hops10", 10)])
def test_the_ring_holds_no_more_frames_than_a_window_needs(name: str, hops: int, tmp_path: Path) -> None:
    sliding_engine(name, tmp_path, front_end(CHANNELS[name]))
    header = (tmp_path / "myofin_model.h").read_text()
    assert f"#define MYOFIN_STEP_HOPS {hops}u" in header
    assert f"#define MYOFIN_RING_SLOTS {30 - hops + 1}u" in header


def test_the_budget_decides(tmp_path: Path) -> None:
    front = front_end(12).to_json()
    generate_c(model("shared12"), front, tmp_path, frame_samples=20, channels=12, state_budget_bytes=40_000)
    assert "#define MYOFIN_SLIDING 0u" in (tmp_path / "myofin_model.h").read_text()


def test_float32_does_not_slide(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot slide"):
        sliding_engine("shared4_float32", tmp_path, front_end(4))
    sliding_engine("shared4_float32", tmp_path, front_end(4), sliding=None)
    assert "#define MYOFIN_SLIDING 0u" in (tmp_path / "myofin_model.h").read_text()
