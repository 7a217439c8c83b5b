"""Naming a field by the field itself: ``lambda order: order.status`` instead of a string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast


class _Recorder:
    """Stands in for a document and notes which attribute was asked for."""

    __slots__ = ("names",)

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getattr__(self, name: str) -> _Recorder:
        self.names.append(name)
        return self


def field_name(pick: Callable[[Any], Any]) -> str:
    """The name of the one attribute that ``pick`` reads. Raises TypeError for anything else."""
    recorder = _Recorder()
    try:
        picked = pick(cast(Any, recorder))
    except TypeError:
        # Something was done with the field beyond reading it.
        picked = None
    if picked is not recorder or len(recorder.names) != 1:
        raise TypeError("a field is named by reading it alone: lambda document: document.field")
    return str(recorder.names[0])
