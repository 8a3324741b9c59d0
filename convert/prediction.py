"""What a generated C engine will take of a microcontroller, read from its C text before any compiler runs.

Constants and RAM follow from the declarations, with the sizes and alignments of the 32-bit Arm ABI. Code is
an estimate from the number of statements. What is compiled only for Helium is left out: it takes the place of
what is compiled elsewhere, at about the same size.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from myofin.convert.codegen_text import HELIUM
from myofin.errors import ModelError

# Measured on Cortex-M4 with gcc 12 at -O2 on the generated engines: 7 to 11 bytes a statement.
CODE_BYTES_A_STATEMENT: Final = 9
STATE_TYPE: Final = "myofin_state_t"
_POINTER: Final = 4
_SCALARS: Final = {
    **{"bool": 1, "char": 1, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2},
    **{"int32_t": 4, "uint32_t": 4, "float": 4, "size_t": 4, "int64_t": 8, "uint64_t": 8, "double": 8},
}
_COMMENT: Final = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_HELIUM: Final = re.compile(rf"^#if {HELIUM}$.*?(?:^#else$(.*?))?^#endif$", re.DOTALL | re.MULTILINE)
_DEFINE: Final = re.compile(r"^#define (\w+) (.+)$", re.MULTILINE)
_STRUCT: Final = re.compile(r"typedef (struct|union)(?: \w+)? \{([^{}]*)\} (\w+);")
_MEMBER: Final = re.compile(r"(?:const )?(\w+)\s+(\*?)(?:const )?(\w+)\s*((?:\[[^\]]+\])*)$")
_CONSTANT: Final = re.compile(r"^\s*(?:static )?const (\w+) \w+((?:\[[^\]]+\])*)[ \w]*\s*=", re.MULTILINE)
_OPERATORS: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
}


@dataclass(frozen=True)
class EnginePrediction:
    """Bytes of an engine; ``code`` is an estimate, the others follow from the declarations."""

    code: int
    constants: int
    ram: int

    @property
    def flash(self) -> int:
        """Code and constants."""
        return self.code + self.constants


@dataclass
class _Types:
    """The types and macros of some headers; a type is its size and alignment."""

    macros: dict[str, str]
    known: dict[str, tuple[int, int]] = field(
        default_factory=lambda: {name: (size, size) for name, size in _SCALARS.items()}
    )

    def value(self, expression: str) -> int:
        """An integer expression of numbers, macros, + - * /."""
        text = re.sub(r"\b(\d+|0x[0-9A-Fa-f]+)[uUlL]+\b", r"\1", expression).strip()
        try:
            return self._fold(ast.parse(text, mode="eval").body)
        except (SyntaxError, KeyError, ZeroDivisionError) as error:
            raise _unreadable(expression) from error

    def _fold(self, node: Any) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.Name):
            return self.value(self.macros[node.id])
        if isinstance(node, ast.BinOp):
            return _OPERATORS[type(node.op)](self._fold(node.left), self._fold(node.right))
        raise KeyError

    def count(self, dimensions: str) -> int:
        """Number of elements of ``[a][b]``."""
        total = 1
        for dimension in re.findall(r"\[([^\]]+)\]", dimensions):
            total *= self.value(dimension)
        return total

    def type_of(self, name: str) -> tuple[int, int]:
        """Size and alignment of a type."""
        if name not in self.known:
            raise _unreadable(name)
        return self.known[name]

    def add_struct(self, kind: str, body: str, name: str) -> None:
        """Lay a struct out: each member at a multiple of its alignment, the whole at the largest.

        The members of a union all begin at its start.
        """
        end, widest = 0, 1
        for declaration in filter(None, (part.strip() for part in body.split(";"))):
            match = _MEMBER.match(declaration)
            if match is None:
                raise _unreadable(declaration)
            size, alignment = (_POINTER, _POINTER) if match[2] else self.type_of(match[1])
            start = 0 if kind == "union" else _aligned(end, alignment)
            end = max(end, start + size * self.count(match[4]))
            widest = max(widest, alignment)
        self.known[name] = (_aligned(end, widest), widest)


def predict_engine(folder: Path) -> EnginePrediction:
    """Predict the sizes of the engine in a folder (a bundle's ``c/``).

    Raises:
        ModelError: The C text holds a declaration that this cannot read.
    """
    return predict_text(_texts(folder, "*.h"), _texts(folder, "*.c"))


def _texts(folder: Path, pattern: str) -> list[str]:
    plain = (_COMMENT.sub("", path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern)))
    return [_HELIUM.sub(r"\1", text) for text in plain]


def predict_text(headers: Iterable[str], sources: Iterable[str]) -> EnginePrediction:
    """As ``predict_engine``, of the texts without comments."""
    headers, sources = list(headers), list(sources)
    types = _Types({name: value for text in (*headers, *sources) for name, value in _DEFINE.findall(text)})
    waiting = [item for text in (*headers, *sources) for item in _STRUCT.findall(text)]
    while waiting:  # a struct may stand before the one that it holds, since files come by name
        later = [item for item in waiting if not _try_struct(types, *item)]
        if len(later) == len(waiting):
            types.add_struct(*waiting[0])
        waiting = later
    constants = 0
    for text in sources:
        for type_name, dimensions in _CONSTANT.findall(text):
            # A scalar is a local of a function and takes no flash.
            if dimensions or type_name not in _SCALARS:
                constants += _aligned(types.type_of(type_name)[0] * types.count(dimensions), _POINTER)
    statements = sum(text.count(";") for text in (*headers, *sources))
    ram = types.type_of(STATE_TYPE)[0]
    return EnginePrediction(statements * CODE_BYTES_A_STATEMENT, constants, ram)


def _try_struct(types: _Types, kind: str, body: str, name: str) -> bool:
    try:
        types.add_struct(kind, body, name)
    except ModelError:
        return False
    return True


def _aligned(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _unreadable(what: str) -> ModelError:
    return ModelError(
        f"The size of the generated C cannot be predicted: {what!r} is not understood.",
        hint="Build the firmware, and read the sizes from its map.",
    )
