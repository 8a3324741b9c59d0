"""The page of a bundle: what it costs, layer by layer, and what was checked before it was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myofin.page import render

_TEMPLATE = Path(__file__).parent / "templates" / "bundle.html.j2"


def write_bundle_page(folder: Path, body: Mapping[str, Any]) -> None:
    """Write ``report.html`` of the body of a bundle's manifest into ``folder``."""
    layers = body["layers"]
    page = render(
        _TEMPLATE,
        body=body,
        columns=list(layers[0]) if layers else [],
        weight_bytes=sum(int(layer["weight_bytes"]) for layer in layers),
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
