"""How current a page is, and what is said about what has not arrived on it yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from twofold.messages.recorded import moment
from twofold.runtime.queries import Answered
from twofold.runtime.system import System

State: TypeAlias = Literal["current", "catching-up", "rebuilding", "parked", "stopped", "timed-out"]
_WORST_LAST: tuple[State, ...] = ("current", "catching-up", "rebuilding", "parked", "stopped")


class Freshness(msgspec.Struct, frozen=True):
    """The position and time that a page is current to, and why it is not newer."""

    state: State
    position: int = 0
    as_of: datetime | None = None
    clock: str = ""


def freshness(
    system: System, projections: Sequence[str], position: int, time_us: int, *, stale: bool
) -> Freshness:
    """What to say of an answer from ``projections``, of any number of documents."""
    as_of = moment(time_us) if time_us else None
    state = _state(system, projections) if stale else "current"
    return Freshness(state, position, as_of, _clock(as_of, system.clock.now()))


def freshness_of_one(system: System, projection: str, found: Answered[bytes]) -> Freshness:
    """What to say of one document: it is held up only if events of its own wait."""
    told = freshness(system, (projection,), found.position, found.time_us, stale=found.stale)
    state = told.state
    if found.waits_from:
        state = "parked"
    elif state == "parked":
        state = "catching-up"
    return msgspec.structs.replace(told, state=state)


def _state(system: System, projections: Sequence[str]) -> State:
    """The worst reason among the projections; "catching-up" if there is no special one."""
    found: State = "catching-up"
    for applier in system.appliers:
        if applier.name in projections:
            state = system.state_of(applier)
            known = [one for one in _WORST_LAST if one == state]
            found = max([found, *known], key=_WORST_LAST.index)
    return found


def _clock(when: datetime | None, now: datetime) -> str:
    """A time of day; another day than today by its date."""
    if when is None:
        return ""
    return f"{when:%H:%M:%S}" if when.date() == now.date() else f"{when.day} {when:%b, %H:%M}"
