"""Pure functions that build C text: arrays, scales, struct initialisers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

LINE_WIDTH: Final = 100
HELIUM: Final = "MYOFIN_MVE"  # the macro of runtime/myofin_fixed.h
_C_TYPES: Final = {
    "int8": "int8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t", "uint32": "uint32_t",
    "int64": "int64_t", "float32": "float",
}  # fmt: skip


class Factor(Protocol):
    """A factor in fixed point; the kernel that takes it says how it rounds."""

    @property
    def multiplier(self) -> int:
        """The integer factor."""

    @property
    def shift(self) -> int:
        """The power of two."""


def wrap(items: Iterable[str], indent: str = "    ") -> str:
    """Join with commas into lines of at most 100 characters.

    >>> wrap(["1", "2"])
    '    1, 2'
    """
    lines, line = [], ""
    for item in items:
        longer = f"{line}, {item}" if line else item
        if len(indent) + len(longer) + 1 > LINE_WIDTH:
            lines.append(line)
            longer = item
        line = longer
    return ",\n".join(indent + text for text in [*lines, line])


def number(value: Any, dtype: str) -> str:
    """One number as a C literal of its type.

    >>> number(7, "uint32"), number(0.5, "float32"), number(-(2**31), "int32")
    ('7u', '0.5f', 'INT32_MIN')
    """
    if dtype == "float32":
        text = np.format_float_scientific(np.float32(value), unique=True, trim="-")
        short = repr(float(np.float32(value)))
        text = short if np.float32(short) == np.float32(value) and len(short) <= len(text) else text
        return text + ("f" if "." in text or "e" in text else ".0f")
    if dtype == "uint32":
        return f"{int(value)}u"
    return "INT32_MIN" if int(value) == -(2**31) else str(int(value))


def c_string(text: str) -> str:
    """Text as a C string literal: ASCII, other characters as octal UTF-8.

    >>> print(c_string("what?"))
    "what\\077"
    """
    # '?' too, since two of them may begin a trigraph.
    plain = (
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{"".join(plain)}"'


def array(name: str, values: NDArray[Any], comment: str = "") -> str:
    """A `static const` array, aligned to 4 bytes so that kernels may load words; int64 as its type wants."""
    flat = values.reshape(-1)
    dtype = flat.dtype.name  # asked once: it takes NumPy longer than the number itself
    c_type = _C_TYPES[dtype]
    head = f"/* {comment} */\n" if comment else ""
    plain = dtype in ("int8", "int16", "uint16")
    body = wrap(map(str, flat.tolist()) if plain else (number(value, dtype) for value in flat.tolist()))
    aligned = "" if dtype == "int64" else " MYOFIN_ALIGNED"  # which would lower it
    return f"{head}static const {c_type} {name}[{len(flat)}]{aligned} = {{\n{body}}};\n"


def scale(value: Factor) -> str:
    """An initialiser of a ``myofin_scale_t`` or ``myofin_scale_once_t``.

    >>> from myofin.convert.codegen_arithmetic import Scale
    >>> scale(Scale(1073741824, -3))
    '{1073741824, -3}'
    """
    return f"{{{value.multiplier}, {value.shift}}}"


def scales(values: Iterable[Factor]) -> str:
    """Several scales as one initialiser."""
    return "{" + ", ".join(scale(value) for value in values) + "}"


def scale_array(name: str, values: Sequence[Factor], c_type: str = "myofin_scale_t") -> str:
    """A `static const` array of scales."""
    body = wrap(scale(value) for value in values)
    return f"static const {c_type} {name}[{len(values)}] = {{\n{body}}};\n"


def struct(c_type: str, name: str, fields: Mapping[str, str], helium: Collection[str] = ()) -> str:
    """A `static const` struct with designated initialisers; fields in ``helium`` exist only there."""
    lines = {field: f"    .{field} = {value}," for field, value in fields.items()}
    body = "\n".join(
        f"#if {HELIUM}\n{line}\n#endif" if field in helium else line for field, line in lines.items()
    )
    return f"static const {c_type} {name} = {{\n{body}\n}};\n"
