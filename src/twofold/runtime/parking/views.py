"""What operators see of what waits, whatever it waits for: projections, processes, commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from twofold.errors import InvalidInput, Problem
from twofold.runtime.listed import Listed, listed
from twofold.runtime.view import View

STATES = ("retrying", "parked", "discarded")
_LONGEST_REASON = 1_000


class ParkedView(View, frozen=True):
    """A sequence that waits; ``seen`` tells this state of it from later ones.

    ``projection`` is the name of a projection, ``process:NAME`` for an instance of a process, or
    ``commands``. ``position``, ``event`` and ``stream`` are those of what failed; a timer or a
    command has no position. ``version`` is that of a read model, ``same_code`` whether the code at
    hand is what failed.
    """

    projection: str
    version: int
    sequence: str
    state: str
    position: int
    event: str
    stream: str
    error: str
    cause: str
    attempts: int
    since: datetime
    last_attempt: datetime
    next_attempt: datetime | None
    same_code: bool
    reason: str
    actor: str
    seen: int


class ParkedPage(View, frozen=True):
    """The oldest first. ``causes`` counts them by cause, where there are not too many to count."""

    items: tuple[ParkedView, ...]
    total: int
    causes: dict[str, int]
    next_cursor: str | None


class WaitingView(View, frozen=True):
    """An event that waits."""

    position: int
    event: str
    stream: str
    time: datetime
    data: Any


class SequenceView(View, frozen=True):
    """A sequence with its traceback and the first of its events; ``waiting`` counts them all."""

    parked: ParkedView
    traceback: str
    events: tuple[WaitingView, ...]
    waiting: int


class FieldView(View, frozen=True):
    """A field of a document before and after; null where there is none."""

    name: str
    before: Any
    after: Any

    @property
    def listed(self) -> Listed | None:
        """What differs item by item, where it is a long list."""
        return listed(self.before, self.after)


class DocumentView(View, frozen=True):
    """What happens to a document: "created", "changed", "removed" or "unchanged"."""

    key: str
    what: str
    fields: tuple[FieldView, ...]


class EffectView(View, frozen=True):
    """What follows beside documents: an "event", a "command", a "timer" or a "refusal"."""

    kind: str
    name: str
    data: Any


class ReleaseView(View, frozen=True):
    """What a release, a discard or a rehearsal of one came to.

    ``applied`` events are in the read model now, or would be. ``again``: what waits still, and why.
    ``shown``: whether ``documents`` tells what changes; handwritten projections can't say.
    ``effects`` are those of processes and commands.
    """

    sequence: str
    applied: int
    discarded: int
    documents: tuple[DocumentView, ...]
    again: ParkedView | None
    shown: bool
    effects: tuple[EffectView, ...] = ()


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that waits in one place, or what of it is in one state and has one cause; "" is any."""

    projection: str = ""
    state: str = ""
    cause: str = ""

    def holds(self, state: str, cause: str) -> bool:
        """Whether a sequence in this state, with this cause, is among it."""
        return self.state in ("", state) and self.cause in ("", cause)


class Part(msgspec.Struct, frozen=True):
    """Some of what waits in one place, how much there is, and how many there are by cause."""

    items: tuple[ParkedView, ...]
    total: int
    causes: Mapping[str, int]


def field_views(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldView, ...]:
    """The fields that differ."""
    return tuple(
        FieldView(name, before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )


def check_reason(reason: str) -> None:
    """Raises InvalidInput unless it says something."""
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        why = f"say why, in up to {_LONGEST_REASON:,} characters"
        raise InvalidInput([Problem("reason", why)])
