"""The name that somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of ``known`` that is most like ``name``, "" if none is."""
    return next(iter(difflib.get_close_matches(name, list(known), 1)), "")
