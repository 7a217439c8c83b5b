"""Aggregates: where commands are decided.

    proposal = EventSourced(Proposal, ProposalId)

    @proposal.evolves
    def evolve(state: Proposal | None, event: Submitted | Accepted) -> Proposal: ...

    @proposal.decides
    def accept(state: Proposal, command: Accept) -> Accepted | None: ...

The annotations are the wiring. A decision whose state is ``None`` creates, one whose state can't
be None needs an existing aggregate, one with ``State | None`` takes both.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, overload

import msgspec

from twofold.domain.context import Context
from twofold.domain.fingerprint import fingerprint
from twofold.domain.signatures import (
    bare,
    caller_place,
    classes_within,
    hints,
    mistake,
    optional,
    parameters,
)
from twofold.errors import Mistake
from twofold.messages.value import Command, Event
from twofold.ports.rows import Rows

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Raw: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Raw], Raw]
Happened: TypeAlias = tuple[Event, ...]


class Decider(msgspec.Struct, frozen=True):
    """One decision: its function, what it wants to be told, and when it applies."""

    function: Callable[..., Any]
    commands: tuple[type[Command], ...]
    events: tuple[type[Event], ...]
    creates: bool
    changes: bool
    wants: tuple[str, ...]
    given: Callable[..., Awaitable[Any]] | None


class Begun(msgspec.Struct, frozen=True):
    """The first event of an aggregate that a decision on another one begins with its own events.

    ``identity`` is fresh, from ``Context.new_id``: nobody can know it before.
    """

    aggregate: Aggregate[Any]
    identity: str
    event: Event


class Way(msgspec.Struct, frozen=True):
    """How a command that names an aggregate of another kind finds the one that decides it."""

    start: Aggregate[Any]
    identity: Callable[[Any], str]


class Aggregate(Generic[S]):
    """What both kinds of aggregate share. Use ``EventSourced`` or ``StateStored``."""

    def __init__(self, state: type[S], identity: Callable[[str], Any], *, name: str = "") -> None:
        self.state_type = state
        self.identity = identity
        self.name = name or snake_case(state.__name__)
        self.declared_at = caller_place(3)
        self._decisions: list[tuple[Callable[..., Any], Callable[..., Any] | None]] = []
        self.answer: Callable[..., Any] | None = None
        self.ways: list[Way] = []
        self.upcasters: dict[type[Event], dict[int, Upcaster]] = {}
        self.former_names: dict[str, type[Event]] = {}

    @overload
    def answers(self, function: Callable[[str, S], R], /) -> Callable[[str, S], R]: ...
    @overload
    def answers(
        self, function: Callable[[str, S, Command, Happened], R], /
    ) -> Callable[[str, S, Command, Happened], R]: ...
    def answers(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """Decorates what a successful command answers: ``(id, state after it) -> value``, or
        ``(id, state, command, events it led to) -> value``.

        Without it the answer is the id and the version.
        """
        self.answer = function
        return function

    def begun(self, identity: str, event: Event) -> Begun:
        """What a decision on another aggregate returns to begin one of these, all or nothing."""
        return Begun(self, identity, event)

    def through(self, start: Aggregate[T], identity: Callable[[T], str]) -> None:
        """A command may name an aggregate of ``start``, whose state knows the ``identity`` here.

        Its ``Owner`` field is then the one that the rule ``own`` compares.
        """
        self.ways.append(Way(start, identity))

    def upcasts(self, event: type[E], version: int) -> Callable[[Upcaster], Upcaster]:
        """Decorates ``raw fields -> raw fields`` that lifts ``event`` from ``version`` by one.

        The version in which events are recorded is one above the highest upcaster.
        """

        def register(function: Upcaster) -> Upcaster:
            self.upcasters.setdefault(event, {})[version] = function
            return function

        return register

    def formerly(self, event: type[Event], *names: str) -> None:
        """Events recorded under a former class name are read as ``event``."""
        for name in names:
            self.former_names[f"{self.name}.{name}"] = event

    def _remember(
        self, function: Callable[..., Any] | None, given: Callable[..., Any] | None
    ) -> Callable[..., Any]:
        def register(decision: Callable[..., Any]) -> Callable[..., Any]:
            self._decisions.append((decision, given))
            return decision

        return register(function) if function is not None else register

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """Decisions, what tells them facts, and the answer."""
        each = [one for decision in self._decisions for one in decision if one is not None]
        return each if self.answer is None else [*each, self.answer]

    def deciders(self, problems: list[Mistake]) -> list[Decider]:
        """All decisions, read from their annotations; what is wrong with them goes to problems."""
        return [d for d in (self._decider(*item, problems) for item in self._decisions) if d]

    def _decider(
        self,
        function: Callable[..., Any],
        given: Callable[..., Any] | None,
        problems: list[Mistake],
    ) -> Decider | None:
        try:
            (_, state), (_, command), *others = parameters(function)
            returned = hints(function).get("return")
        except (NameError, ValueError) as exc:
            problems.append(
                mistake(
                    f"{function.__name__}: a decision takes (state, command, …): {exc}", function
                )
            )
            return None
        commands = classes_within(command, Command)
        if not commands:
            problems.append(
                mistake(f"{function.__name__}: the second parameter must be a command", function)
            )
            return None
        wants = self._wants(function, others, given, problems)
        return Decider(
            function,
            commands,
            classes_within(returned, Event),
            creates=optional(state),
            changes=bare(state) is not type(None) and state is not None,
            wants=wants,
            given=given,
        )

    def _wants(
        self,
        function: Callable[..., Any],
        others: list[tuple[str, Any]],
        given: Callable[..., Any] | None,
        problems: list[Mistake],
    ) -> tuple[str, ...]:
        wants = tuple("context" if bare(kind) is Context else "given" for _, kind in others)
        if wants.count("given") > (given is not None) or wants.count("context") > 1:
            problems.append(
                mistake(
                    f"{function.__name__}: beyond state and command a decision can take a Context "
                    "and, with decides(given=…), what that function returns",
                    function,
                )
            )
        if given is not None and "given" not in wants:
            problems.append(
                mistake(f"{function.__name__}: nothing takes what given= returns", function)
            )
        return wants


class EventSourced(Aggregate[S]):
    """An aggregate whose state is the fold of its stream.

    ``identity`` is a NewType over str; the field of that type tells a command's aggregate, a
    command without one starts a new aggregate. Every ``snapshot_every`` events the state is kept,
    so that long streams load fast; snapshots made by other code are ignored.
    """

    def __init__(
        self,
        state: type[S],
        identity: Callable[[str], Any],
        *,
        name: str = "",
        snapshot_every: int = 100,
    ) -> None:
        super().__init__(state, identity, name=name)
        self.snapshot_every = snapshot_every
        self._folds: list[Callable[..., S]] = []

    @overload
    def decides(
        self, function: Callable[Concatenate[S, C, P], R], /
    ) -> Callable[Concatenate[S, C, P], R]: ...
    @overload
    def decides(
        self, function: Callable[Concatenate[None, C, P], R], /
    ) -> Callable[Concatenate[None, C, P], R]: ...
    @overload
    def decides(
        self, /, *, given: Callable[..., Awaitable[Any]]
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def decides(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        given: Callable[..., Awaitable[Any]] | None = None,
    ) -> Callable[..., Any]:
        """Decorates a pure decision ``(state, command[, context][, given]) -> events``.

        It returns an event, several, or None for "nothing to do"; it raises ``Refused`` for "no".
        ``given`` is an async function ``(command, sources, context) -> facts``, run before
        deciding: the place for I/O.
        """
        return self._remember(function, given)

    @overload
    def evolves(
        self, function: Callable[Concatenate[S, P], S], /
    ) -> Callable[Concatenate[S, P], S]: ...
    @overload
    def evolves(
        self, function: Callable[Concatenate[None, P], S], /
    ) -> Callable[Concatenate[None, P], S]: ...
    def evolves(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """Decorates a pure fold ``(state, event) -> state``; unions of events are welcome."""
        self._folds.append(function)
        return function

    def folds(self, problems: list[Mistake]) -> dict[type[Event], Callable[..., S]]:
        """Event class to the function that folds it; what is wrong goes to ``problems``."""
        table: dict[type[Event], Callable[..., S]] = {}
        for function in self._folds:
            try:
                (_, _), (_, event) = parameters(function)
            except (NameError, ValueError) as exc:
                problems.append(
                    mistake(f"{function.__name__}: a fold takes (state, event): {exc}", function)
                )
                continue
            for kind in classes_within(event, Event):
                if kind in table:
                    first = table[kind].__name__
                    problems.append(
                        mistake(
                            f"{function.__name__} folds {kind.__name__}, as {first} does already",
                            function,
                        )
                    )
                table[kind] = function
        return table

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """Folds too."""
        return [*super().functions, *self._folds]

    def fold_fingerprint(self) -> str:
        """Changes when the fold or the shape of the state changes."""
        return fingerprint(self._folds, [self.state_type])


class StateStored(Aggregate[S]):
    """An aggregate kept as its current state, its events recorded in the same transaction.

    A decision returns the new state and what happened: ``(state, event)`` or ``(state, events)``.
    The state is kept beside the log, or with ``rows`` in tables of the team's own.
    """

    def __init__(
        self,
        state: type[S],
        identity: Callable[[str], Any],
        *,
        name: str = "",
        rows: Rows[S] | None = None,
    ) -> None:
        super().__init__(state, identity, name=name)
        self.rows = rows

    @overload
    def decides(
        self, function: Callable[Concatenate[S, C, P], tuple[S, Any]], /
    ) -> Callable[Concatenate[S, C, P], tuple[S, Any]]: ...
    @overload
    def decides(
        self, function: Callable[Concatenate[None, C, P], tuple[S, Any]], /
    ) -> Callable[Concatenate[None, C, P], tuple[S, Any]]: ...
    @overload
    def decides(
        self, /, *, given: Callable[..., Awaitable[Any]]
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def decides(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        given: Callable[..., Awaitable[Any]] | None = None,
    ) -> Callable[..., Any]:
        """Decorates a pure decision ``(state, command[, context][, given]) -> (state, events)``."""
        return self._remember(function, given)


def as_events(decided: Any) -> tuple[Any, ...]:
    """What a decision returned, as a tuple of events (and of what it begins elsewhere)."""
    if decided is None:
        return ()
    if isinstance(decided, Event):
        return (decided,)
    events = tuple(decided) if isinstance(decided, Iterable) else (decided,)
    for event in events:
        if not isinstance(event, Event | Begun):
            raise TypeError(f"a decision returned {event!r}, which is not an event")
    return events


def snake_case(name: str) -> str:
    """``ProposalDraft`` → ``proposal_draft``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
