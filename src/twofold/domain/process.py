"""Process managers: what follows from events, over time and across aggregates.

    booking = Process(BookingProgress)

    @booking.on(key=lambda event, meta: event.booking_id)
    def requested(
        state: BookingProgress | None, event: BookingRequested, meta: Recorded
    ) -> Then[BookingProgress]:
        return (
            Then(BookingProgress(offer=event.offer_id))
            .send(HoldPlace(offer_id=event.offer_id, booking_id=event.booking_id))
            .timer(HoldExpired(), at=meta.time + timedelta(minutes=10))
        )

    @booking.due
    def expired(state: BookingProgress, timer: HoldExpired) -> Then[BookingProgress]: ...

    @booking.refused
    def full(
        state: BookingProgress, command: HoldPlace, refusal: TwofoldError
    ) -> Then[BookingProgress]: ...

There is one instance per key. The annotations are the wiring: a reaction whose state may be None
can begin an instance, one whose state can't be None is passed over where there is none. Reactions
are pure; what they lead to is recorded and carried out once, whatever fails on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import msgspec

from twofold.domain.aggregate import snake_case
from twofold.domain.context import Context
from twofold.domain.signatures import (
    bare,
    caller_place,
    classes_within,
    mistake,
    optional,
    parameters,
)
from twofold.errors import Mistake, TwofoldError
from twofold.messages.recorded import Recorded
from twofold.messages.value import Command, Event, Timer

S = TypeVar("S")
P = ParamSpec("P")


class SetTimer(msgspec.Struct, frozen=True):
    """``timer`` comes back at ``at``, instead of one of its type and ``name`` set before."""

    timer: Timer
    at: datetime
    name: str


class CancelTimer(msgspec.Struct, frozen=True):
    """Timers of this type don't come back; ``name``: only that one."""

    timer: type[Timer]
    name: str | None


class Then(Generic[S]):
    """What a reaction leads to: the new state (None: the instance ends), commands and timers.

    A value: each method answers another one.
    """

    __slots__ = ("commands", "state", "timers")

    def __init__(
        self,
        state: S | None,
        commands: tuple[Command, ...] = (),
        timers: tuple[SetTimer | CancelTimer, ...] = (),
    ) -> None:
        self.state = state
        self.commands = commands
        self.timers = timers

    def send(self, *commands: Command) -> Then[S]:
        """Send ``commands``, in this order, after those of earlier steps."""
        return Then(self.state, (*self.commands, *commands), self.timers)

    def timer(self, timer: Timer, *, at: datetime, name: str = "") -> Then[S]:
        """Be told of ``timer`` at ``at`` (at once if that is past).

        It replaces a pending one of the same type and ``name``. Raises ValueError for a moment
        without a time zone.
        """
        if at.tzinfo is None:
            raise ValueError(f"{type(timer).__name__} is set to {at}, which has no time zone")
        return Then(self.state, self.commands, (*self.timers, SetTimer(timer, at, name)))

    def cancel(self, timer: type[Timer], *, name: str | None = None) -> Then[S]:
        """Forget pending timers of this type: all, or the one with ``name``."""
        return Then(self.state, self.commands, (*self.timers, CancelTimer(timer, name)))

    def __repr__(self) -> str:
        return f"Then({self.state!r}, {self.commands!r}, {self.timers!r})"


class Reaction(msgspec.Struct, frozen=True):
    """One reaction: its function, what it takes, and when it applies.

    ``kinds`` are the events, timers or commands; ``refusals`` the errors it is told of. ``begins``:
    it applies where there is no instance, ``continues``: where there is one. ``wants`` are its
    further parameters, "meta" or "context".
    """

    function: Callable[..., Any]
    kinds: tuple[type[Any], ...]
    begins: bool
    continues: bool
    wants: tuple[str, ...]
    key: Callable[[Any, Recorded], str | None] | None = None
    refusals: tuple[type[TwofoldError], ...] = ()


class Process(Generic[S]):
    """A process manager; ``state`` is what an instance remembers.

    Added to a system with a past it begins with what happens next; ``from_start`` makes it begin
    with the first event of the log.
    """

    def __init__(self, state: type[S], *, name: str = "", from_start: bool = False) -> None:
        self.state_type = state
        self.name = name or snake_case(state.__name__)
        self.from_start = from_start
        self.declared_at = caller_place()
        self._events: list[tuple[Callable[..., Any], Callable[..., Any] | None]] = []
        self._timers: list[Callable[..., Any]] = []
        self._refusals: list[Callable[..., Any]] = []

    @overload
    def on(
        self, function: Callable[Concatenate[S, P], Then[S] | None], /
    ) -> Callable[Concatenate[S, P], Then[S] | None]: ...
    @overload
    def on(
        self, /, *, key: Callable[[Any, Recorded], str | None]
    ) -> Callable[
        [Callable[Concatenate[S, P], Then[S] | None]], Callable[Concatenate[S, P], Then[S] | None]
    ]: ...
    def on(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        key: Callable[[Any, Recorded], str | None] | None = None,
    ) -> Callable[..., Any]:
        """Decorates ``(state, event[, meta][, context]) -> Then | None``.

        ``key(event, meta)`` names the instance concerned, None says that there is none; without it
        the instance is that of the event's stream. Answering None means that nothing follows.
        """

        def register(reaction: Callable[..., Any]) -> Callable[..., Any]:
            self._events.append((reaction, key))
            return reaction

        return register(function) if function is not None else register

    def due(
        self, function: Callable[Concatenate[S, P], Then[S] | None], /
    ) -> Callable[Concatenate[S, P], Then[S] | None]:
        """Decorates ``(state, timer[, context]) -> Then | None``: a timer has come due."""
        self._timers.append(function)
        return function

    def refused(
        self, function: Callable[Concatenate[S, P], Then[S] | None], /
    ) -> Callable[Concatenate[S, P], Then[S] | None]:
        """Decorates ``(state, command, refusal[, context]) -> Then | None``.

        A command that the instance had sent was refused; the annotation of ``refusal`` says by
        which errors. A refusal that nothing takes is noted in the instance's history.
        """
        self._refusals.append(function)
        return function

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """Reactions, and the keys of their instances."""
        keyed = [one for pair in self._events for one in pair if one is not None]
        return [*keyed, *self._timers, *self._refusals]

    def event_reactions(self, problems: list[Mistake]) -> list[Reaction]:
        """Reactions to events; what is wrong with them goes to ``problems``."""
        asked = "(state, event[, meta][, context])"
        found = []
        for function, key in self._events:
            reaction = _reaction(function, Event, asked, ("meta", "context"), problems)
            if reaction is not None:
                found.append(msgspec.structs.replace(reaction, key=key))
        return found

    def timer_reactions(self, problems: list[Mistake]) -> list[Reaction]:
        """Reactions to timers; what is wrong with them goes to ``problems``."""
        asked = "(state, timer[, context])"
        read = [_reaction(f, Timer, asked, ("context",), problems) for f in self._timers]
        return [reaction for reaction in read if reaction is not None]

    def refusal_reactions(self, problems: list[Mistake]) -> list[Reaction]:
        """Reactions to refusals; what is wrong with them goes to ``problems``."""
        asked = "(state, command, refusal[, context])"
        wants = ("refusal", "context")
        read = [_reaction(f, Command, asked, wants, problems) for f in self._refusals]
        return [reaction for reaction in read if reaction is not None]


def _reaction(
    function: Callable[..., Any],
    kind: type[Any],
    asked: str,
    known: tuple[str, ...],
    problems: list[Mistake],
) -> Reaction | None:
    name = function.__name__
    try:
        (_, state), (_, subject), *others = parameters(function)
    except (NameError, ValueError) as exc:
        problems.append(mistake(f"{name}: it takes {asked}: {exc}", function))
        return None
    kinds = classes_within(subject, kind)
    if not kinds:
        what = kind.__name__.lower()
        article = "an" if what == "event" else "a"
        problems.append(mistake(f"{name}: the second parameter must be {article} {what}", function))
        return None
    wants = tuple(_want(annotation) for _, annotation in others)
    if len(set(wants)) < len(wants) or not set(wants) <= set(known):
        problems.append(mistake(f"{name}: it takes {asked}, annotated as such", function))
        return None
    if "refusal" in known and wants[:1] != ("refusal",):
        problems.append(
            mistake(f"{name}: the third parameter must be a TwofoldError, the refusal", function)
        )
        return None
    return Reaction(
        function,
        kinds,
        begins=optional(state),
        continues=bare(state) is not type(None) and state is not None,
        wants=wants,
        refusals=classes_within(others[0][1], TwofoldError) if "refusal" in wants else (),
    )


def _want(annotation: Any) -> str:
    if bare(annotation) is Recorded:
        return "meta"
    if bare(annotation) is Context:
        return "context"
    return "refusal" if classes_within(annotation, TwofoldError) else ""
