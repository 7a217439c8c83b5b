"""Inboxes: commands that follow from events of other systems.

    class Delivered(Value):
        parcel: str
        at: datetime

    carrier = Inbox("carrier.events", partitions=4)

    @carrier.on("com.carrier.parcel.delivered")
    def delivered(event: Delivered, meta: Foreign) -> MarkDelivered | None: ...

The other system's event is decoded into what we need of it; further fields are ignored. Handlers
are pure: what they answer is decided and recorded once, however often the event is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from twofold.domain.signatures import (
    bare,
    caller_place,
    classes_within,
    hints,
    mistake,
    parameters,
)
from twofold.errors import Mistake
from twofold.messages.value import Command, Value

F = TypeVar("F", bound=Callable[..., Any])
_ASKED = "(event[, meta])"


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event of another system comes from: its CloudEvents attributes, and its place.

    ``source`` and ``id`` together identify it. ``time`` is None where its system does not tell it.
    ``attributes`` has them all, extensions too, as texts.
    """

    source: str
    id: str
    type: str
    subject: str = ""
    time: datetime | None = None
    channel: str = ""
    partition: int = 0
    offset: str = ""
    attributes: Mapping[str, str] = {}


class Subscription(msgspec.Struct, frozen=True):
    """A handler: the type of events that it takes, as what, and whether it wants their ``meta``."""

    event_type: str
    function: Callable[..., Any]
    event: type[Value]
    commands: tuple[type[Command], ...]
    wants_meta: bool


class Inbox:
    """A channel of another system (its topic or stream), and what follows from events in it.

    ``partitions`` is how many the channel has; as many processes can share the work. It is made
    with so many if the broker does not know it yet.
    """

    def __init__(self, channel: str, *, partitions: int = 1) -> None:
        self.channel = channel
        self.partitions = partitions
        self.declared_at = caller_place()
        self._handlers: list[tuple[str, Callable[..., Any]]] = []

    def on(self, event_type: str, /) -> Callable[[F], F]:
        """Decorates ``(event[, meta]) -> Command | tuple[Command, ...] | None``.

        ``event_type`` is the CloudEvents type. Events of types without a handler are passed over.
        """

        def register(function: F) -> F:
            self._handlers.append((event_type, function))
            return function

        return register

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """All handlers."""
        return [function for _, function in self._handlers]

    def subscriptions(self, problems: list[Mistake]) -> list[Subscription]:
        """What its handlers' annotations say; what is wrong with them goes to ``problems``."""
        read = [_subscription(name, function, problems) for name, function in self._handlers]
        return [one for one in read if one is not None]


def _subscription(
    event_type: str, function: Callable[..., Any], problems: list[Mistake]
) -> Subscription | None:
    name = function.__name__
    try:
        (_, event), *others = parameters(function)
        answer = hints(function).get("return")
    except (NameError, ValueError) as exc:
        problems.append(mistake(f"{name}: it takes {_ASKED}: {exc}", function))
        return None
    if not event_type:
        problems.append(mistake(f"{name}: on() needs the CloudEvents type it takes", function))
        return None
    kind = bare(event)
    if not _is_value(kind):
        problems.append(mistake(f"{name}: the first parameter must be one Value", function))
        return None
    if [bare(annotation) for _, annotation in others] not in ([], [Foreign]):
        problems.append(mistake(f"{name}: it takes {_ASKED}, meta: Foreign", function))
        return None
    commands = classes_within(answer, Command)
    if not commands:
        problems.append(
            mistake(f"{name}: its annotation must say which commands it answers", function)
        )
        return None
    return Subscription(event_type, function, kind, commands, bool(others))


def _is_value(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Value)
