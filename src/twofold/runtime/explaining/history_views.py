"""The history of a document, as operators see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from twofold.runtime.parking.views import DocumentView
from twofold.runtime.view import View


class FoldedView(View, frozen=True):
    """An event and what it did to the document.

    ``outcome``: "applied", "waits" (it is parked, or behind what is), "left-out" (discarded on
    purpose), "not-yet", or "failed", where this code can't fold it (``error``).
    """

    position: int
    id: str
    event: str
    stream: str
    time: datetime
    actor: str
    causation_id: str
    outcome: str
    error: str
    change: DocumentView | None


class LookedView(View, frozen=True):
    """What was looked through beside the document's own streams: positions ``after`` < … ≤
    ``until``; nothing where its own streams have all. ``whole``: there is nothing else to look at.
    """

    after: int
    until: int
    whole: bool


class HistoryView(View, frozen=True):
    """The history of a document, the newest event first.

    ``row`` is the document as stored. ``explained``: whether the events that were found fold to
    exactly that; ``unexplained`` are the fields that differ, from what folding gives to the row.
    ``total`` counts the events found, ``cut`` tells that there are more than are folded at once.
    """

    projection: str
    version: int
    key: str
    row: Any
    row_position: int
    steps: tuple[FoldedView, ...]
    total: int
    page: int
    size: int
    explained: bool
    unexplained: DocumentView | None
    looked: LookedView
    cut: bool
    parked: str
