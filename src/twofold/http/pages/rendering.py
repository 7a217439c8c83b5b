"""Templates: an application's own beside those that all share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from twofold.http.pages import charts, formats
from twofold.http.pages.forms import anchor

_SHARED = Path(__file__).parent / "templates"
_FILTERS = ("money", "number", "exact_time", "day", "words", "times", "plural")


def environment(templates: Path, now: Callable[[], datetime]) -> Environment:
    """Where templates are found and what they may use. All text is escaped."""
    found = Environment(
        loader=FileSystemLoader([templates, _SHARED]),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def relative_time(value: Any) -> str:
        return formats.relative_time(value, now())

    found.filters |= {name: getattr(formats, name) for name in _FILTERS}
    found.filters |= {"relative_time": relative_time, "anchor": anchor}
    found.globals["places"] = charts.places
    return found
