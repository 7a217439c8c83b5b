"""How scenarios tell what was expected and what happened instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def told(label: str, what: Iterable[str]) -> list[str]:
    """Rows of the story: the label stands before the first one."""
    return [f"{label if index == 0 else '':<6} {one}" for index, one in enumerate(what)]


def shown(values: Sequence[object]) -> list[str]:
    """A row for each of ``values``."""
    return [repr(value) for value in values] or ["nothing"]
