"""Rules as sentences: given what happened, when this is asked, then that follows.

    given(proposal, Submitted(...)).when(Accept(proposal_id=ID), caller=REVIEWER).then(Accepted())
    given(proposal, Submitted(...), Accepted()).when(Reject(...)).refused("already")
    assert projected(portfolio, Submitted(...), Accepted())["1"].status == "accepted"

Nothing is stored and nothing waits: these are the rules alone, as fast as function calls. Who may
send a command is declared by routes and tested over HTTP (``twofold.testing.site``).
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.domain.aggregate import Aggregate, EventSourced
from twofold.domain.caller import NOBODY, Caller
from twofold.domain.context import Context
from twofold.domain.deciding import decide
from twofold.domain.projection import Fold, Projection
from twofold.errors import Mistake, TwofoldError, WiringProblems
from twofold.messages.recorded import Recorded
from twofold.messages.value import Command, Event, ReadModel
from twofold.ports.read_store import Row
from twofold.runtime.clock import SeededChance
from twofold.runtime.folding import fold_strictly
from twofold.testing.history import IDENTITY, Stream, recorded, type_name
from twofold.testing.telling import shown, told
from twofold.testing.virtual_time import START
from twofold.wiring.foldings import Folding
from twofold.wiring.handlings import identity_field
from twofold.wiring.model import Model

R = TypeVar("R")
S = TypeVar("S")
D = TypeVar("D", bound=ReadModel)


class Outcome(Generic[S]):
    """What a decision came to. Each expectation raises AssertionError, telling the whole story."""

    def __init__(
        self, story: str, events: tuple[Event, ...], state: S | None, error: TwofoldError | None
    ) -> None:
        self.story = story
        self.events = events
        self.state = state
        self.error = error

    def then(self, *expected: Event) -> Outcome[S]:
        """These events happened, in this order, and no others."""
        if self.error is not None or self.events != expected:
            self._fail(shown(expected), _differences(expected, self.events))
        return self

    def nothing(self) -> Outcome[S]:
        """It was accepted, and nothing had to happen."""
        return self.then()

    def refused(self, *expected: str | type[TwofoldError]) -> Outcome[S]:
        """It was refused: with an error of these classes, whose text contains these words."""
        fits = self.error is not None and all(
            one in str(self.error) if isinstance(one, str) else isinstance(self.error, one)
            for one in expected
        )
        if not fits:
            named = [repr(one) if isinstance(one, str) else one.__name__ for one in expected]
            self._fail([f"refused: {' '.join(named)}".strip()])
        return self

    def becomes(self, state: S) -> Outcome[S]:
        """The aggregate is in this state afterwards."""
        if self.error is not None or self.state != state:
            self._fail([f"state {state!r}"], [f"state was {self.state!r}"])
        return self

    def _fail(self, expected: list[str], more: Iterable[str] = ()) -> None:
        error = self.error
        actual = [f"refused: {type(error).__name__}: {error}"] if error else shown(self.events)
        rows = [
            self.story,
            *told("then", expected),
            *told("but", actual),
            *told("", more),
        ]
        raise AssertionError("\n".join(rows))


class Given(Generic[S]):
    """An aggregate with a past."""

    def __init__(self, aggregate: Aggregate[S], past: tuple[Any, ...]) -> None:
        problems: list[Mistake] = []
        self._aggregate = aggregate
        self._past = past
        self._deciders = aggregate.deciders(problems)
        self._folds = aggregate.folds(problems) if isinstance(aggregate, EventSourced) else {}
        self._stop_if(problems)

    def when(
        self,
        command: Command,
        *,
        caller: Caller = NOBODY,
        at: datetime = START,
        given: object = None,
    ) -> Outcome[S]:
        """Decide ``command``; ``given`` is what the decision's ``given=`` function would answer."""
        fitting = [d for d in self._deciders if type(command) in d.commands]
        if not fitting:
            raise TypeError(f"{self._aggregate.name} does not decide {type(command).__name__}")
        state = self._state()
        problems: list[Mistake] = []
        field = identity_field(type(command), self._aggregate.identity, problems)
        self._stop_if(problems)
        identity = str(getattr(command, field)) if field else IDENTITY
        context = Context(at, caller, identity, SeededChance(1))
        arguments = [context if want == "context" else given for want in fitting[0].wants]
        story = "\n".join(
            [
                *told("given", shown(self._past)),
                *told("when", [_asked(command, caller)]),
            ]
        )
        try:
            events, after = decide(
                self._aggregate, fitting[0], self._folds, state, command, identity, arguments
            )
        except TwofoldError as error:
            return Outcome(story, (), state, error)
        return Outcome(story, events, after, None)

    def _state(self) -> S | None:
        state = None
        for one in self._past:
            if isinstance(one, self._aggregate.state_type):
                state = one
            elif type(one) in self._folds:
                state = self._folds[type(one)](state, one)
            else:
                raise TypeError(f"{self._aggregate.name} knows no {type(one).__name__}")
        return state

    def _stop_if(self, problems: list[Mistake]) -> None:
        if problems:
            raise WiringProblems(problems)


def given(aggregate: Aggregate[S], *past: Event | S) -> Given[S]:
    """An aggregate to which ``past`` happened, or which is in that state; nothing: it is new."""
    return Given(aggregate, past)


def projected(projection: Projection[D], *history: Event | Stream) -> dict[str, D]:
    """All documents by key after ``history``; events on their own belong to the stream "1".

    Without ``at`` events are a second apart, from ``virtual_time.START`` on.
    """
    folding = _folding(projection)
    rows = _at_once(_rows(folding, recorded(history)))
    return {row.key: folding.model.decode(row.document) for row in rows}


async def _rows(folding: Folding, history: list[tuple[Recorded, Event]]) -> Sequence[Row]:
    store, table = MemoryReadStore(), folding.model.table(1)
    await store.open([table])
    async with store.transaction() as transaction:
        written = await fold_strictly(folding, table.name, transaction, history)
    return await store.rows(table.name, None, written)


def _at_once(work: Coroutine[Any, Any, R]) -> R:
    """The result of a coroutine that never has to wait, without any event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        result: R = done.value
        return result
    raise AssertionError("stores in memory do not wait for anybody")


def _folding(projection: Projection[Any]) -> Folding:
    problems: list[Mistake] = []
    model = Model(projection.model, projection.name, problems)
    table: dict[str, tuple[Fold, ...]] = {}
    for fold in projection.folds(problems):
        for event in fold.events:
            table[type_name(event)] = (*table.get(type_name(event), ()), fold)
    if problems:
        raise WiringProblems(problems)
    return Folding(projection, model, table, "")


def _asked(command: Command, caller: Caller) -> str:
    return f"{command!r} by {caller.subject}" if caller.subject else repr(command)


def _differences(expected: Sequence[Event], actual: Sequence[Event]) -> list[str]:
    """Fields that differ between events of the same class at the same place."""
    return [
        f"{type(wanted).__name__}.{name}: expected {getattr(wanted, name)!r}, "
        f"got {getattr(got, name)!r}"
        for wanted, got in zip(expected, actual, strict=False)
        if type(wanted) is type(got)
        for name in wanted.__struct_fields__
        if getattr(wanted, name) != getattr(got, name)
    ]
