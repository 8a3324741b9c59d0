"""Templates of C, build files and plain text: nothing is escaped, and a missing name is an error."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def plain_templates() -> Environment:
    """The environment of ``convert/templates``."""
    return Environment(
        loader=PackageLoader("myofin.convert"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # this is C and Markdown, not HTML
    )
