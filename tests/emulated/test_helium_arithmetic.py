"""Vectors against scalars on an emulated Cortex-M55: every argument of the activations, and rescaling."""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path

from myofin.boards.registry import load_board

BOARD = load_board("mps2-an547")

# A program of its own, without the firmware: it reports through semihosting and ends the emulator.
_MAIN = """
#include "myofin_activations_mve_s16.h"

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#if !MYOFIN_MVE
#error "this compiler flag set has no Helium"
#endif

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void report(uint32_t value)
{
    char text[12];
    char *at = text + sizeof(text);
    *--at = 0;
    *--at = ' ';
    do {
        *--at = (char)('0' + (value % 10u));
        value /= 10u;
    } while (value != 0u);
    semihost(4u, at);
}

static uint32_t differing(int16x8_t vector, const int16_t scalars[8])
{
    int16_t values[8];
    uint32_t different = 0;
    vstrhq_s16(values, vector);
    for (uint32_t lane = 0; lane < 8u; lane++) {
        different += (values[lane] != scalars[lane]) ? 1u : 0u;
    }
    return different;
}

static uint32_t compare_sigmoid(int16x8_t x)
{
    int16_t arguments[8], expected[8];
    vstrhq_s16(arguments, x);
    for (uint32_t lane = 0; lane < 8u; lane++) {
        expected[lane] = (int16_t)myofin_sigmoid_s16(arguments[lane]);
    }
    return differing(myofin_sigmoid_8(x), expected);
}

static uint32_t compare_tanh(int16x8_t x, int32_t power)
{
    const myofin_tanh_input_t input = {(power < 0) ? 3 : (int32_t)(3u << (uint32_t)power),
                                       (power < 0) ? -power : 0};
    int16_t arguments[8], expected[8];
    vstrhq_s16(arguments, x);
    for (uint32_t lane = 0; lane < 8u; lane++) {
        expected[lane] = (int16_t)myofin_tanh_s16(arguments[lane], input);
    }
    return differing(myofin_tanh_8(x, input), expected);
}

static uint32_t compare_activations(void)
{
    uint32_t different = 0;
    for (int32_t x = -32768; x <= 32767; x += 8) {
        int16_t arguments[8];
        for (int32_t lane = 0; lane < 8; lane++) {
            arguments[lane] = (int16_t)(x + lane);
        }
        const int16x8_t vector = vldrhq_s16(arguments);
        different += compare_sigmoid(vector);
        for (int32_t power = -15; power <= 13; power++) {
            different += compare_tanh(vector, power);
        }
    }
    return different;
}

static uint64_t random;

static uint32_t next_random(void)
{
    random = (random * 6364136223846793005u) + 1442695040888963407u;
    return (uint32_t)(random >> 32u);
}

static uint32_t compare_one_scale(myofin_scale_t scale, uint32_t narrower)
{
    int32_t values[8];
    int16_t expected[8];
    for (uint32_t lane = 0; lane < 8u; lane++) {
        values[lane] = (int32_t)next_random() >> (narrower + (next_random() % (30u - narrower)));
        expected[lane] = (int16_t)myofin_saturate_s16(myofin_rescale(values[lane], scale));
    }
    const int32x4x2_t lanes = vld2q_s32(values);
    return differing(myofin_rescale_8(lanes.val[0], lanes.val[1], scale), expected);
}

static uint32_t compare_rescaling(void)
{
    uint32_t different = 0;
    for (uint32_t i = 0; i < 20000u; i++) {
        const int32_t multiplier = (int32_t)(0x40000000u | (next_random() & 0x3FFFFFFFu));
        const int32_t shift = (int32_t)(next_random() % 36u) - 29;
        const uint32_t narrower = (shift > 0) ? ((uint32_t)shift + 2u) : 2u;
        different += compare_one_scale((myofin_scale_t){multiplier, shift}, narrower);
        different += compare_one_scale((myofin_scale_t){multiplier, -3}, 2u); /* known when compiled */
        different += compare_one_scale((myofin_scale_t){multiplier, -22}, 2u);
    }
    return different;
}

static __attribute__((used, noinline)) void compare(void)
{
    report(compare_activations());
    report(compare_rescaling());
    semihost(0x18u, (const void *)0x20026u);
}

static void reset(void)
{
    CPACR |= 0xFu << 20u;
    __asm__ volatile("dsb\\nisb\\nbl compare" ::: "memory");
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    (void *)0x30040000u, (void *)reset};
"""
_LINKER = """
ENTRY(vectors)
SECTIONS {
    .text 0 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.data*) }
    .bss 0x30000000 (NOLOAD) : { *(.bss*) *(COMMON) }
    /DISCARD/ : { *(.ARM.exidx*) }
}
"""


def test_vectors_equal_scalars(tmp_path: Path) -> None:
    runtime = Path(str(resources.files("myofin.convert") / "runtime"))
    (tmp_path / "main.c").write_text(_MAIN)
    (tmp_path / "linker.ld").write_text(_LINKER)
    command = [
        *("arm-none-eabi-gcc", "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", *BOARD.build.flags),
        *("-nostartfiles", "-ffreestanding", "-T", "linker.ld", f"-I{runtime}", "-o", "program.elf"),
        *("main.c", str(runtime / "myofin_activations_s16.c"), "-lgcc"),
    ]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert BOARD.emulator is not None
    emulator = [BOARD.emulator.program, "-M", BOARD.emulator.machine, "-nographic", "-monitor", "none"]
    emulator += ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
    emulator += ["-kernel", "program.elf"]
    done = subprocess.run(emulator, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    # Semihosting writes to the emulator's standard error.
    assert (done.returncode, (done.stdout + done.stderr).split()) == (0, ["0", "0"])
