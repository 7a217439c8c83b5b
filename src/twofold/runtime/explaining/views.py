"""What a request came to, as a tree."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from twofold.runtime.view import View


class RowView(View, frozen=True):
    """A document that an event concerns; ``state`` is "applied", "not-yet" or "waits"."""

    projection: str
    key: str
    state: str


class SearchedView(View, frozen=True):
    """Documents that an event looks for: those whose ``field`` has ``value``."""

    projection: str
    field: str
    value: str


class TimerNode(View, frozen=True):
    """A timer that a step set, and the step it led to once it was due."""

    name: str
    due: datetime
    fired: StepNode | None


class StepNode(View, frozen=True):
    """A step of a process manager, with the commands it sent and the timers it set."""

    process: str
    key: str
    version: int
    position: int
    time: datetime
    outcome: str
    error: str
    commands: tuple[CommandNode, ...]
    timers: tuple[TimerNode, ...]


class EventNode(View, frozen=True):
    """An event, the documents it concerns, and the steps it led to."""

    position: int
    id: str
    event: str
    stream: str
    time: datetime
    actor: str
    data: Any
    rows: tuple[RowView, ...]
    searched: tuple[SearchedView, ...]
    steps: tuple[StepNode, ...]


class CommandNode(View, frozen=True):
    """A command with its outcome: "succeeded", "refused" (``told`` says why), "failed", "waits" (it
    is on its way), or "unknown" where nothing is kept of it. ``answered``: the step that took note
    of a refusal.
    """

    command_id: str
    operation: str
    status: str
    told: str
    actor: str
    time: datetime | None
    events: tuple[EventNode, ...]
    answered: StepNode | None


class TreeView(View, frozen=True):
    """What began with ``commands``. ``cut``: there is more than is shown at once.

    ``led_by``: the position of an event that led to them, where that is too long ago to be shown
    as well; 0 where all began with them.

    ``looked_after`` and ``looked_until``: the positions that were looked through for an id, 0 where
    none had to be.
    """

    asked: str
    correlation_id: str
    commands: tuple[CommandNode, ...]
    looked_after: int
    looked_until: int
    cut: bool
    led_by: int
