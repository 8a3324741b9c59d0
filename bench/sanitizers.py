"""How generated C is run under AddressSanitizer and UndefinedBehaviorSanitizer on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from myofin.convert.host_engine import find_compiler

SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COUNTS_VARIABLE = "MYOFIN_SANITIZED_COUNTS"
# Leaks and mismatched deletes would be those of Python and of the oracles, which are not ours.
_OPTIONS = "detect_leaks=0:alloc_dealloc_mismatch=0"

# Windows of codes on stdin; features and logits of each on stdout.
WINDOWS_MAIN = """
#include <stdio.h>
#include "myofin_model.h"
int main(void)
{
    static myofin_state_t state;
    static int8_t codes[MYOFIN_WINDOW_CODES];
    myofin_value_t features[MYOFIN_FEATURES];
    myofin_value_t logits[MYOFIN_LOGITS];
    while (fread(codes, sizeof(codes), 1, stdin) == 1u) {
        myofin_init(&state);
        myofin_invoke(&state, codes, features, logits);
        (void)fwrite(features, sizeof(features), 1, stdout);
        (void)fwrite(logits, sizeof(logits), 1, stdout);
    }
    return 0;
}
"""


def sanitized_environment() -> dict[str, str]:
    """Environment of a process that may load sanitized libraries: AddressSanitizer's own comes first.

    The C++ library comes second, so that AddressSanitizer finds the functions there that it wraps. Python
    takes its memory from malloc, so that an engine that leaves a NumPy array is noticed.
    """
    compiler = find_compiler()
    libraries = [
        subprocess.run(
            [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libstdc++.so.6")
    ]
    return os.environ | {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": _OPTIONS,
        "PYTHONMALLOC": "malloc",
    }


@contextmanager
def plain_environment() -> Iterator[None]:
    """Run other programs, such as the compiler, without the sanitizer's library."""
    kept = os.environ.pop("LD_PRELOAD", None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ["LD_PRELOAD"] = kept
