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
        "arduino": Kind(
            {
                "library.properties": "arduino_library.properties.j2",
                "keywords.txt": "arduino_keywords.txt.j2",
                "examples/Decide/Decide.ino": "arduino_Decide.ino.j2",
                "examples/SelfTest/SelfTest.ino": "arduino_SelfTest.ino.j2",
            }
        ),
        "platformio": Kind(
            {
                "library.json": "platformio_library.json.j2",
                "examples/decide/platformio.ini": "platformio_ini.j2",
                "examples/decide/src/main.c": "main.c.j2",
            }
        ),
        "zephyr": Kind(
            {
                "zephyr/module.yml": "zephyr_module.yml.j2",
                "zephyr/CMakeLists.txt": "zephyr_CMakeLists.txt.j2",
                "zephyr/Kconfig": "zephyr_Kconfig.j2",
                "samples/decide/CMakeLists.txt": "zephyr_sample_CMakeLists.txt.j2",
                "samples/decide/prj.conf": "zephyr_prj.conf.j2",
                "samples/decide/sample.yaml": "zephyr_sample.yaml.j2",
                "samples/decide/src/main.c": "main.c.j2",
            }
        ),
        "esp-idf": Kind(
            {
                "CMakeLists.txt": "esp-idf_CMakeLists.txt.j2",
                "idf_component.yml": "esp-idf_idf_component.yml.j2",
                "examples/decide/CMakeLists.txt": "esp-idf_project_CMakeLists.txt.j2",
                "examples/decide/sdkconfig.defaults": "esp-idf_sdkconfig.defaults.j2",
                "examples/decide/main/CMakeLists.txt": "esp-idf_main_CMakeLists.txt.j2",
                "examples/decide/main/main.c": "main.c.j2",
            }
        ),
        "tflm": Kind(
            {"CMakeLists.txt": "tflm_CMakeLists.txt.j2", "examples/decide.cc": "main.c.j2"},
            engine="tflm",
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
