"""How each event is named, versioned and decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from twofold.domain.aggregate import Upcaster
from twofold.errors import CorruptEvent, UnknownEvent
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

    def decode(self, recorded: Recorded) -> Event:
        """The event in ``recorded``, lifted to the current version. Raises CorruptEvent."""
        try:
            if recorded.schema_version == self.version:
                return self._decoder.decode(recorded.data)
            return self._upcast(recorded)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as exc:
            raise CorruptEvent(recorded.type, recorded.stream, recorded.position, str(exc)) from exc

    def _upcast(self, recorded: Recorded) -> Event:
        if recorded.schema_version > self.version:
            raise ValueError(
                f"it was written in version {recorded.schema_version} by newer code; "
                f"this code knows version {self.version}"
            )
        raw: dict[str, Any] = msgspec.json.decode(recorded.data)
        for version in range(recorded.schema_version, self.version):
            if version in self.upcasters:
                raw = self.upcasters[version](raw)
        return msgspec.convert(raw, self.cls)


class EventTypes:
    """All events of an application, by name and by class."""

    def __init__(self, types: Mapping[str, EventType]) -> None:
        self.by_name = dict(types)
        self.by_class = {kind.cls: kind for kind in types.values()}

    def decode(self, recorded: Recorded) -> Event:
        """The event in ``recorded``. Raises UnknownEvent, CorruptEvent."""
        kind = self.by_name.get(recorded.type)
        if kind is None:
            raise UnknownEvent(recorded.type, recorded.stream, recorded.position)
        return kind.decode(recorded)
