"""The proofs' counts as a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_HEAD = """# Proofs

Written by `make proof` (`bench/proof.py`); do not edit. Every line is a comparison that ran: how many things
were compared, and how many of them were not as they must be. The tests run the same code on fewer inputs.

"""


def page(rows: list[dict[str, Any]]) -> str:
    """The page of all rows, with the notes below the table."""
    notes = [f"- {row['what']}: {row['note']}." for row in rows if row["note"]]
    return _HEAD + table(rows) + "\n" + ("\n" + "\n".join(notes) + "\n" if notes else "")


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as a table of Markdown, which reads well on a terminal too."""
    lines = ["| proof | what | compared | differing | s |", "|---|---|---:|---:|---:|"]
    for row in rows:
        what = row["what"] + (" (small)" if row["small"] else "")
        counts = f"{row['compared']:,} | {row['differing']:,} | {row['seconds']:,}"
        lines.append(f"| {row['proof']} | {what} | {counts} |")
    return "\n".join(lines)
