"""The forms that `myofin export` knows: which files each has beside the engine, and from which template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from myofin.convert.codegen import Engine


@dataclass(frozen=True)
class Kind:
    """One form; the engine, the decision and the self-test are in ``src/`` of every one.

    Attributes:
        files: Path in the export, to the template in ``templates/export/`` that it is rendered from.
        engine: What executes the network; both have the same header.
    """

    files: Mapping[str, str]
    engine: Engine = "c"


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "c": Kind(
            {
                "CMakeLists.txt": "c_CMakeLists.txt.j2",
                "examples/decide.c": "main.c.j2",
                "examples/selftest.c": "c_selftest.c.j2",
            }
        ),
    }
)
COMMON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "README.md": "README.md.j2",
        "src/myofin_decision.h": "myofin_decision.h.j2",
        "src/myofin_decision.c": "myofin_decision.c.j2",
        "src/myofin_selftest.h": "myofin_selftest.h.j2",
        "src/myofin_selftest.c": "myofin_selftest.c.j2",
    }
)
