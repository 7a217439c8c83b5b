"""How each event is named, versioned and decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from twofold.domain.aggregate import Aggregate, Decider, Upcaster
from twofold.domain.signatures import mistake
from twofold.errors import CorruptEvent, Mistake, UnknownEvent
from twofold.messages.recorded import Recorded
from twofold.messages.value import Event


class EventType:
    """One event class: its name in the log, its version, and its codec."""

    __slots__ = ("_decoder", "cls", "name", "upcasters", "version")

    def __init__(
        self, name: str, cls: type[Event], upcasters: Mapping[int, Upcaster] | None = None
    ) -> None:
        self.name = name
        self.cls = cls
        self.upcasters = dict(upcasters or {})
        self.version = max(self.upcasters, default=0) + 1
        self._decoder = msgspec.json.Decoder(cls)

    @property
    def category(self) -> str:
        """The aggregate it belongs to."""
        return self.name.partition(".")[0]

    def decode(self, recorded: Recorded) -> Event:
        """The event in ``recorded``, lifted to the current version. Raises CorruptEvent."""
        try:
            if recorded.schema_version == self.version:
                return self._decoder.decode(recorded.data)
            return self._upcast(recorded)
        except Exception as exc:
            # Upcasters are the application's code and may stumble over old data in any way.
            why = f"{type(exc).__name__}: {exc}"
            raise CorruptEvent(recorded.type, recorded.stream, recorded.position, why) from exc

    def _upcast(self, recorded: Recorded) -> Event:
        if recorded.schema_version > self.version:
            raise ValueError(
                f"it was written in version {recorded.schema_version} by newer code; "
                f"this code knows version {self.version}"
            )
        raw: dict[str, Any] = msgspec.json.decode(recorded.data)
        for version in range(recorded.schema_version, self.version):
            raw = self.upcasters[version](raw)
        return msgspec.convert(raw, self.cls)


class EventTypes:
    """All events of an application: by each name they ever had, and by class with today's."""

    def __init__(
        self, by_name: Mapping[str, EventType], by_class: Mapping[type[Event], EventType]
    ) -> None:
        self.by_name = by_name
        self.by_class = by_class

    def decode(self, recorded: Recorded) -> Event:
        """The event in ``recorded``. Raises UnknownEvent, CorruptEvent."""
        kind = self.by_name.get(recorded.type)
        if kind is None:
            raise UnknownEvent(recorded.type, recorded.stream, recorded.position)
        return kind.decode(recorded)


def find_event_types(
    aggregates: list[Aggregate[Any]],
    folds: Mapping[str, Mapping[type[Event], Callable[..., Any]]],
    deciders: Mapping[str, list[Decider]],
    problems: list[Mistake],
) -> EventTypes:
    """Every event by each name it ever had; what is wrong goes to ``problems``."""
    types: dict[str, EventType] = {}
    owners: dict[type[Event], str] = {}
    current: dict[type[Event], EventType] = {}
    for aggregate in aggregates:
        decided = dict.fromkeys(event for d in deciders[aggregate.name] for event in d.events)
        for event in {**folds[aggregate.name], **decided}:
            if owners.setdefault(event, aggregate.name) != aggregate.name:
                problems.append(
                    mistake(
                        f"{event.__name__} belongs to two aggregates, {owners[event]} and "
                        f"{aggregate.name}: declare one class for each",
                        event,
                    )
                )
            kind = _event_type(f"{aggregate.name}.{event.__name__}", event, aggregate, problems)
            if kind is not None:
                types[kind.name] = current[event] = kind
    for aggregate in aggregates:
        for former, event in aggregate.former_names.items():
            kind = _event_type(former, event, aggregate, [])
            if kind is not None:
                types.setdefault(former, kind)
    return EventTypes(types, current)


def _event_type(
    name: str, event: type[Event], aggregate: Aggregate[Any], problems: list[Mistake]
) -> EventType | None:
    try:
        return EventType(name, event, aggregate.upcasters.get(event))
    except (TypeError, NameError) as exc:
        problems.append(mistake(f"{event.__name__} can't be decoded: {exc}", event))
        return None
