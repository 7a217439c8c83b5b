"""Events as a log would have them, for tests without one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from twofold.messages.recorded import Recorded, microseconds
from twofold.messages.value import Event
from twofold.testing.virtual_time import START

IDENTITY = "1"
"""The stream that events on their own belong to."""


class Stream(msgspec.Struct, frozen=True):
    """Events of one aggregate, as ``stream`` makes them."""

    identity: str
    events: tuple[Event, ...]
    actor: str
    at: datetime | None


def stream(identity: str, *events: Event, actor: str = "", at: datetime | None = None) -> Stream:
    """Events of the aggregate with this id, for ``projected``; ``at``: when they happened."""
    return Stream(identity, events, actor, at)


def recorded(history: Iterable[Event | Stream]) -> list[tuple[Recorded, Event]]:
    """``history`` in its order; without ``at`` events are a second apart, from ``START`` on."""
    found: list[tuple[Recorded, Event]] = []
    versions: dict[str, int] = {}
    for one in history:
        group = one if isinstance(one, Stream) else stream(IDENTITY, one)
        for event in group.events:
            position = len(found) + 1
            versions[group.identity] = versions.get(group.identity, 0) + 1
            moment = group.at or START + timedelta(seconds=position - 1)
            made = Recorded(
                position=position,
                id=str(position),
                stream=f"stream:{group.identity}",
                version=versions[group.identity],
                type=type_name(type(event)),
                schema_version=1,
                time_us=microseconds(moment),
                correlation_id="",
                causation_id="",
                actor=group.actor,
                trace="",
                data=b"",
            )
            found.append((made, event))
    return found


def type_name(event: type[Event]) -> str:
    """A name for a type of events that no module has named."""
    return f"{event.__module__}.{event.__qualname__}"
