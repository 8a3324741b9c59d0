"""The kernels' shortcuts against a direct transcription of the reference where all arguments can be tried."""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path

import pytest

from myofin.convert.codegen_arithmetic import Scale, fixed_point
from myofin.convert.host_engine import compile_sources
from myofin.errors import ModelError

# The reference folds arguments to positive ones and mirrors the result. Its table is the upper half of ours.
_MAIN = """
#include "myofin_activations_s16.h"
#include <stdio.h>

static uint32_t entry(uint32_t index)
{
    const int32_t taken_off = 512 * (int32_t)index * myofin_sigmoid_slope[256u + index];
    return (uint32_t)(myofin_sigmoid_base[256u + index] + taken_off - 512) >> 9u;
}

static int32_t sigmoid(int32_t x)
{
    const uint32_t magnitude = (uint32_t)((x < 0) ? (-3 * x) : (3 * x));
    const uint32_t index = magnitude >> 9u;
    uint32_t value = 0x7FFFu << 10u;
    if (index < 255u) {
        value = (entry(index) << 9u) + ((magnitude & 0x1FFu) * (entry(index + 1u) - entry(index)));
    }
    if (x < 0) {
        value = (1u << 25u) - value - 1u;
    }
    return (int32_t)((value + (1u << 9u)) >> 10u);
}

static int32_t hyperbolic(int32_t x, myofin_tanh_input_t input)
{
    const int32_t half = (input.shift > 0) ? (int32_t)(1u << ((uint32_t)input.shift - 1u)) : 0;
    const int32_t argument = ((x * input.factor) + half) >> input.shift;
    const uint32_t magnitude = (uint32_t)((argument < 0) ? -argument : argument);
    const uint32_t index = magnitude >> 8u;
    uint32_t value = 0xFFFFu << 8u;
    if (index < 255u) {
        value = (entry(index) << 8u) + ((magnitude & 0xFFu) * (entry(index + 1u) - entry(index)));
    }
    const int32_t centred = (int32_t)value - (1 << 23);
    return ((argument < 0) ? (127 - centred) : (centred + 128)) >> 8;
}

static uint32_t compare_activations(void)
{
    uint32_t different = 0;
    for (int32_t x = -32768; x <= 32767; x++) {
        different += (sigmoid(x) != myofin_sigmoid_s16(x)) ? 1u : 0u;
        for (int32_t power = -15; power <= 13; power++) {
            const myofin_tanh_input_t input = {(power < 0) ? 3 : (int32_t)(3u << (uint32_t)power),
                                               (power < 0) ? -power : 0};
            different += (hyperbolic(x, input) != myofin_tanh_s16(x, input)) ? 1u : 0u;
        }
    }
    return different;
}

static uint32_t compare_rescaling(void)
{
    uint32_t different = 0;
    uint64_t random = 1;
    for (uint32_t i = 0; i < 4000000u; i++) {
        random = (random * 6364136223846793005u) + 1442695040888963407u;
        const int32_t value = (int32_t)(random >> 32u) >> (1u + ((random >> 8u) % 30u));
        random = (random * 6364136223846793005u) + 1442695040888963407u;
        const uint32_t multiplier = (1u << 30u) | ((uint32_t)(random >> 33u) & 0x3FFFFFFFu);
        const myofin_scale_t scale = {(int32_t)multiplier, -(int32_t)((random >> 16u) % 30u)};
        const int32_t expected = myofin_rescale(value, scale);
        different += (expected != myofin_rescale_doubled(2 * value, scale)) ? 1u : 0u;
        different +=
            (myofin_saturate_s16(expected) != myofin_rescale_s16(2 * value, scale)) ? 1u : 0u;
    }
    return different;
}

static uint32_t compare_gated(void)
{
    uint32_t different = 0;
    uint32_t random = 1;
    for (int32_t shift = -29; shift <= 0; shift++) {
        const myofin_scale_t scale = {1 << 30, shift};
        for (int32_t factor = -32768; factor <= 32767; factor++) {
            random = (random * 1664525u) + 1013904223u;
            const int32_t gate = ((random >> 8u) % 16u == 0u) ? 32767 : (int32_t)(random >> 17u);
            const int32_t expected = myofin_saturate_s16(myofin_rescale(gate * factor, scale));
            different += (expected != myofin_rescale_gated(gate, factor, scale)) ? 1u : 0u;
            const int32_t half = 1 << ((shift < 0) ? -shift : 0); /* products about a half */
            for (int32_t near = -2; near <= 2; near++) {
                const int32_t product = myofin_saturate_s16(myofin_rescale(near + half, scale));
                different += (product != myofin_rescale_gated(1, near + half, scale)) ? 1u : 0u;
            }
        }
    }
    return different;
}

int main(void)
{
    printf("%u %u %u", (unsigned)compare_activations(), (unsigned)compare_rescaling(),
           (unsigned)compare_gated());
    return 0;
}
"""


def test_shortcuts_change_no_bit(tmp_path: Path) -> None:
    runtime = Path(str(resources.files("myofin.convert") / "runtime"))
    main, program = tmp_path / "main.c", tmp_path / "program"
    main.write_text(_MAIN)
    flags = ("-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    compile_sources([main, runtime / "myofin_activations_s16.c"], program, runtime, *flags)
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "0 0 0")


def test_a_factor_beyond_32_bits_is_refused() -> None:
    """Found by the fuzz proof: 2^127 became a shift by 127, which C leaves undefined."""
    assert fixed_point(2.0**29) == Scale(2**30, 30)
    for factor in (2.0**30, 2.0**127):
        with pytest.raises(ModelError, match="differ by a factor"):
            fixed_point(factor)
