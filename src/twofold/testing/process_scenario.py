"""Process managers as sentences: given what happened, when this comes, then that follows.

    process(holding).given(Requested(offer_id=O)).when(HoldExpired(booking_id=B)).then(
        ReleasePlace(offer_id=O, booking_id=B), Decline(booking_id=B, why="too late")
    ).ends()
    process(holding).when(Requested(offer_id=O)).then(
        HoldPlace(offer_id=O, booking_id=B), sets(HoldExpired(booking_id=B), at=START + HOLD)
    )
    process(holding).given(Requested(offer_id=O)).when(refusal(HoldPlace(...), Full("…"))).then(…)

What comes is an event (``stream("id", event)`` where the stream's id matters), a timer or a
refusal; a state of the process stands for a past that led to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from twofold.domain.caller import SYSTEM
from twofold.domain.context import Context
from twofold.domain.process import CancelTimer, Process, Reaction, SetTimer, Then
from twofold.domain.reacting import after_changes, react, refusal_reaction, timer_name
from twofold.errors import Mistake, TwofoldError, WiringProblems
from twofold.messages.recorded import Recorded
from twofold.messages.value import Command, Event, Timer
from twofold.runtime.clock import SeededChance
from twofold.testing.history import IDENTITY, Stream, recorded, stream
from twofold.testing.telling import shown, told
from twofold.testing.virtual_time import START

S = TypeVar("S")


class Refusal(msgspec.Struct, frozen=True):
    """A command that was refused, as ``refusal`` makes it."""

    command: Command
    error: TwofoldError


Comes: TypeAlias = Event | Stream | Timer | Refusal


def refusal(command: Command, error: TwofoldError) -> Refusal:
    """``command``, which the process had sent, was refused."""
    return Refusal(command, error)


def sets(timer: Timer, *, at: datetime, name: str = "") -> SetTimer:
    """``timer`` is set, for ``ProcessOutcome.then``."""
    return SetTimer(timer, at, name)


def process(process: Process[S]) -> GivenProcess[S]:
    """An instance of ``process`` that has not begun."""
    return GivenProcess(process)


class ProcessOutcome(Generic[S]):
    """What followed. Each expectation raises AssertionError, telling the whole story."""

    def __init__(self, story: list[str], then: Then[S] | None, instance: _Instance) -> None:
        self.story = story
        self.commands = then.commands if then else ()
        self.state: S | None = instance.state
        self.timers = tuple(t for t in then.timers if isinstance(t, SetTimer)) if then else ()
        self._cancelled = (
            tuple(t for t in then.timers if isinstance(t, CancelTimer)) if then else ()
        )
        self._followed = then is not None
        self._pending = dict(instance.pending)

    def then(self, *expected: Command | SetTimer) -> ProcessOutcome[S]:
        """These commands were sent, in this order, and these timers set; no others."""
        commands = tuple(one for one in expected if isinstance(one, Command))
        timers = tuple(one for one in expected if isinstance(one, SetTimer))
        if (self.commands, self.timers) != (commands, timers):
            self._fail(shown(expected))
        return self

    def nothing(self) -> ProcessOutcome[S]:
        """Nothing followed, and the state is as it was."""
        if self._followed:
            self._fail(["nothing"])
        return self

    def becomes(self, state: S) -> ProcessOutcome[S]:
        """The instance remembers this afterwards."""
        if self.state != state:
            self._fail([f"state {state!r}"])
        return self

    def ends(self) -> ProcessOutcome[S]:
        """There is no instance any more."""
        if self.state is not None:
            self._fail(["the instance ends"])
        return self

    def cancels(self, timer: type[Timer], *, name: str | None = None) -> ProcessOutcome[S]:
        """Timers of this type were cancelled."""
        if CancelTimer(timer, name) not in self._cancelled:
            self._fail([f"{timer.__name__} is cancelled"])
        return self

    def waits_for(self, *timers: Timer) -> ProcessOutcome[S]:
        """These are all timers that are pending now, in any order."""
        pending = [one.timer for one in self._pending.values()]
        if sorted(map(repr, pending)) != sorted(map(repr, timers)):
            self._fail([f"pending {one!r}" for one in timers] or ["no timer pending"])
        return self

    def _fail(self, expected: list[str]) -> None:
        changes = shown((*self.commands, *self.timers, *self._cancelled))
        pending = [f"pending {one.timer!r}" for one in self._pending.values()]
        actual = [*changes, f"state {self.state!r}", *pending]
        raise AssertionError(
            "\n".join([*self.story, *told("then", expected), *told("but", actual)])
        )


class GivenProcess(Generic[S]):
    """An instance with a past."""

    def __init__(self, process: Process[S], past: tuple[Comes | S, ...] = ()) -> None:
        self._process = process
        self._past = past

    def given(self, *past: Comes | S) -> GivenProcess[S]:
        """What happened before, or the state that it led to."""
        return GivenProcess(self._process, (*self._past, *past))

    def when(self, comes: Comes, *, at: datetime | None = None) -> ProcessOutcome[S]:
        """Now this comes; ``at``: the time, where it is not a second after the last event."""
        instance = _Instance(self._process)
        if at is not None and isinstance(comes, Event):
            comes = stream(instance.key, comes, at=at)
        events = iter(recorded(_events((*self._past, comes))))
        for one in self._past:
            instance.take(one, events, None)
        story = [*told("given", shown(self._past)), *told("when", [repr(comes)])]
        then = instance.take(comes, events, at)
        return ProcessOutcome(story, then, instance)


class _Instance:
    """An instance in the hands of a test."""

    def __init__(self, process: Process[Any]) -> None:
        problems: list[Mistake] = []
        self._process = process
        self._events = process.event_reactions(problems)
        self._timers = process.timer_reactions(problems)
        self._refusals = process.refusal_reactions(problems)
        if problems:
            raise WiringProblems(problems)
        self.key = IDENTITY
        self.state: Any = None
        self.pending: dict[str, SetTimer] = {}
        self._now = START
        self._chance = SeededChance(1)

    def take(
        self, comes: Any, events: Iterable[tuple[Recorded, Event]], at: datetime | None
    ) -> Then[Any] | None:
        """What follows; the instance is moved on."""
        if isinstance(comes, self._process.state_type):
            self.state = comes
            return None
        if isinstance(comes, Stream | Event):
            count = len(comes.events) if isinstance(comes, Stream) else 1
            return [self._event(*next(iter(events))) for _ in range(count)][-1]
        if isinstance(comes, Timer):
            return self._timer(comes, at)
        if isinstance(comes, Refusal):
            self._now = at or self._now
            fitting = [r for r in self._refusals if type(comes.command) in r.kinds]
            chosen = refusal_reaction(fitting, comes.error)
            return self._moved(chosen, comes.command, {"refusal": comes.error})
        raise TypeError(f"{comes!r} is no event, timer, refusal or state of {self._process.name}")

    def _event(self, meta: Recorded, event: Event) -> Then[Any] | None:
        self._now = meta.time
        reaction = _taking(self._events, event)
        if reaction is None:
            raise TypeError(f"{self._process.name} does not follow {type(event).__name__}")
        key = reaction.key(event, meta) if reaction.key else meta.stream_id
        if key is None:
            return None
        self.key = key
        return self._moved(reaction, event, {"meta": meta})

    def _timer(self, timer: Timer, at: datetime | None) -> Then[Any] | None:
        reaction = _taking(self._timers, timer)
        if reaction is None:
            raise TypeError(f"{self._process.name} takes no {type(timer).__name__}")
        name = next(
            (name for name, one in self.pending.items() if one.timer == timer),
            timer_name(type(timer), ""),
        )
        due = self.pending.pop(name, None)
        self._now = at or (due.at if due else self._now + timedelta(seconds=1))
        return self._moved(reaction, timer, {})

    def _moved(
        self, reaction: Reaction | None, subject: Any, further: dict[str, Any]
    ) -> Then[Any] | None:
        further["context"] = Context(self._now, SYSTEM, self.key, self._chance)
        then = react(self._process, reaction, self.state, subject, further)
        if then is not None:
            self.state = then.state
            for name, change in after_changes(then, self.pending).items():
                self.pending.pop(name, None)
                if change is not None:
                    self.pending[name] = change
        return then


def _taking(reactions: list[Reaction], what: object) -> Reaction | None:
    return next((r for r in reactions if type(what) in r.kinds), None)


def _events(past: Iterable[Any]) -> list[Event | Stream]:
    return [one for one in past if isinstance(one, Event | Stream)]
