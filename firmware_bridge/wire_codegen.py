"""Writes the firmware's ``wire.h`` and ``docs/protocol.md`` from the declaration in ``wire``.

    python -m myofin.firmware_bridge.wire_codegen --write

A unit test fails when the files and the declaration drift apart.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from myofin.firmware_bridge import wire
from myofin.firmware_bridge.wire_layout import Payload, Wire, fixed_bytes, layout

_FOLDER = Path(__file__).parent
HEADER_PATH = _FOLDER / "firmware" / "wire.h"
DOCUMENT_PATH = _FOLDER.parent / "docs" / "protocol.md"
_REGENERATE = "python -m myofin.firmware_bridge.wire_codegen --write"

_HEADER_START = f"""\
/* clang-format off */
/* Generated from firmware_bridge/wire.py, do not edit: {_REGENERATE} */
#ifndef MYOFIN_WIRE_H
#define MYOFIN_WIRE_H

#include <stdint.h>
#include <string.h>

"""

_HELPERS = """\
static inline uint8_t *wire_put_u8(uint8_t *out, uint8_t value) {
    out[0] = value;
    return out + 1;
}

static inline uint8_t *wire_put_u16(uint8_t *out, uint16_t value) {
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    return out + 2;
}

static inline uint8_t *wire_put_u32(uint8_t *out, uint32_t value) {
    out = wire_put_u16(out, (uint16_t)value);
    return wire_put_u16(out, (uint16_t)(value >> 16));
}

static inline uint8_t *wire_put_bytes(uint8_t *out, const void *bytes, uint32_t size) {
    memcpy(out, bytes, size);
    return out + size;
}

static inline uint8_t wire_get_u8(const uint8_t *in) {
    return in[0];
}

static inline uint16_t wire_get_u16(const uint8_t *in) {
    return (uint16_t)(in[0] | (in[1] << 8));
}

static inline uint32_t wire_get_u32(const uint8_t *in) {
    return wire_get_u16(in) | ((uint32_t)wire_get_u16(in + 2) << 16);
}
"""

_DOCUMENT_START = f"""\
<!-- Generated from firmware_bridge/wire.py, do not edit: {_REGENERATE} -->
# The wire protocol, version {wire.PROTOCOL_VERSION}

A byte stream both ways (UART, or TCP to an emulated one), little-endian throughout.

```
00 | COBS( type u8 | sequence u16 | payload | CRC-32 u32 ) | 00
```

- **Framing.** COBS removes zero bytes, so a zero ends a frame wherever the reader starts. The leading zero
  ends whatever noise came before. Empty frames are ignored.
- **Check.** CRC-32 as in zlib (reflected 0x04C11DB7, start and final XOR 0xFFFFFFFF), over type, sequence
  and payload. A frame whose check does not hold is dropped and counted.
- **One request at a time.** The host sends a request and waits. The board answers every undamaged request
  of its session with the same sequence number. When no answer comes in time, or a damaged one, the host
  sends the same bytes again. The board keeps its last answer: a request with the number it answered last
  is answered again without being carried out again, so a repeat never pushes frames twice.
- **Order.** Requests count up by one, modulo 65536. An older number is a stale copy and dropped; a number
  further ahead is refused with OUT_OF_SEQUENCE.
- **Session.** HELLO with a session number that the board does not know starts a session at the sequence
  number of that HELLO. Before the first HELLO, and so after a reset, every other request is refused with
  NO_SESSION: a board that restarted in the middle is noticed.
- **Direction.** Types of the board have bit 7 set, so an echoed request is not taken for an answer.
- **Stream.** After STREAM with START the board samples by itself. It sends SAMPLES for every frame and, once
  it holds a whole window, DECISION before it; both come unasked. It sends no sample beyond the credit. Where
  the host does not keep up, frames wait in the board's ring, and when that is full the board drops whole
  frames: the index has a gap then, `dropped` counts it, and the window begins anew after it. With HOLD an
  emulated board does not drop: its time stands still while the credit is used up.
"""


def header() -> str:
    """The text of ``wire.h``."""
    parts = [_HEADER_START, _c_constants(), _HELPERS]
    for message in wire.REQUESTS:
        parts.append(_c_struct(message) + _c_get(message))
    for message in wire.REPLIES:
        parts.append(_c_struct(message) + _c_put(message))
    return "".join([*parts, "\n#endif\n"])


def document() -> str:
    """The text of ``docs/protocol.md``."""
    parts = [_DOCUMENT_START, "\n## Requests: host to board\n"]
    parts += [_md_message(message) for message in wire.REQUESTS]
    parts.append("\n## Answers: board to host\n")
    parts += [_md_message(message) for message in wire.REPLIES]
    parts.append("\n## Error codes\n\n| code | name | meaning | what to do |\n|---|---|---|---|\n")
    for code, (message_text, hint) in wire.ERROR_TEXTS.items():
        meaning = re.sub(r"\{detail[^}]*\}", "*detail*", message_text)
        parts.append(f"| {code.value} | {code.name} | {meaning} | {hint} |\n")
    return "".join(parts)


def files() -> dict[Path, str]:
    """Every generated file with its text."""
    return {HEADER_PATH: header(), DOCUMENT_PATH: document()}


def _c_constants() -> str:
    lines = [
        f"#define WIRE_PROTOCOL_VERSION {wire.PROTOCOL_VERSION}u",
        f"#define WIRE_HEADER_BYTES {wire.HEADER_BYTES}u",
        f"#define WIRE_CRC_BYTES {wire.CRC_BYTES}u",
        f"#define WIRE_ANY_SEQUENCE 0x{wire.ANY_SEQUENCE:04X}u",
        "",
    ]
    for message in (*wire.REQUESTS, *wire.REPLIES):
        lines.append(f"#define WIRE_{message.NAME} 0x{message.TYPE:02X}u")
        lines.append(f"#define WIRE_{message.NAME}_FIXED_BYTES {fixed_bytes(message)}u")
    for enum in wire.ENUMS:
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.__name__).upper()
        lines += ["", *(f"#define WIRE_{prefix}_{item.name} {item.value}u" for item in enum)]
    return "\n".join(lines) + "\n\n"


def _is_array(field: Wire) -> bool:
    return field.format.endswith("s")


def _fixed_fields(message: type[Payload]) -> dict[str, Wire]:
    return {name: field for name, field in layout(message).items() if field.format}


def _c_name(message: type[Payload]) -> str:
    return f"wire_{message.NAME.lower()}"


def _c_struct(message: type[Payload]) -> str:
    fields = _fixed_fields(message)
    if not fields:
        return ""
    lines = [f"\n/* {_first_sentence(message)} */", "typedef struct {"]
    for name, field in fields.items():
        suffix = f"[{field.size}]" if _is_array(field) else ""
        lines.append(f"    {field.c_type} {name}{suffix}; /* {field.doc} */")
    return "\n".join([*lines, f"}} {_c_name(message)}_t;", ""])


def _c_put(message: type[Payload]) -> str:
    fields = _fixed_fields(message)
    if not fields:
        return ""
    name = _c_name(message)
    lines = [f"\nstatic inline uint8_t *{name}_put(uint8_t *out, const {name}_t *message) {{"]
    for field_name, field in fields.items():
        value = f"message->{field_name}"
        call = (
            f"bytes(out, {value}, {field.size}u)" if _is_array(field) else f"u{8 * field.size}(out, {value})"
        )
        lines.append(f"    out = wire_put_{call};")
    return "\n".join([*lines, "    return out;", "}", ""])


def _c_get(message: type[Payload]) -> str:
    fields = _fixed_fields(message)
    if not fields:
        return ""
    name = _c_name(message)
    lines = [
        f"\n/* `in` holds at least WIRE_{message.NAME}_FIXED_BYTES. */",
        f"static inline {name}_t {name}_get(const uint8_t *in) {{",
        f"    {name}_t message;",
    ]
    offset = 0
    for field_name, field in fields.items():
        lines.append(f"    message.{field_name} = wire_get_u{8 * field.size}(in + {offset});")
        offset += field.size
    return "\n".join([*lines, "    return message;", "}", ""])


def _first_sentence(message: type[Payload]) -> str:
    return inspect.cleandoc(message.__doc__ or "").split(". ", 1)[-1].split("\n")[0]


def _md_message(message: type[Payload]) -> str:
    description = inspect.cleandoc(message.__doc__ or "").split(". ", 1)[-1]
    head = f"\n### {message.NAME}, type 0x{message.TYPE:02X}\n\n{description}\n"
    if not layout(message):
        return head + "\nNo payload.\n"
    rows = ["\n| offset | field | type | meaning |", "|---|---|---|---|"]
    offset = 0
    for name, field in layout(message).items():
        rows.append(f"| {offset} | {name} | {_md_type(field)} | {field.doc} |")
        offset += field.size
    return head + "\n".join(rows) + "\n"


def _md_type(field: Wire) -> str:
    if not field.format:
        return "the rest"
    if _is_array(field):
        return f"{'char' if field.c_type == 'char' else 'u8'}[{field.size}]"
    return f"u{8 * field.size}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files with ``--write``; otherwise return 1 when one of them has drifted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the files instead of checking them")
    write = parser.parse_args(arguments).write
    drifted = [path for path, text in files().items() if not path.is_file() or path.read_text() != text]
    if write:
        for path in drifted:
            path.write_text(files()[path])
        return 0
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main())
