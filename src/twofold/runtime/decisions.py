"""From a command and a state to one append: everything that holds together, or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from twofold.domain.aggregate import Aggregate, Begun, EventSourced
from twofold.domain.context import Context
from twofold.domain.deciding import decide
from twofold.errors import Forbidden, Refused
from twofold.messages.recorded import NewEvent, microseconds, stream_name
from twofold.messages.value import Command, Event
from twofold.ports.agenda import Later
from twofold.ports.log import STORED, Append, CommandRecord, Snapshot
from twofold.ports.time_and_chance import Chance
from twofold.runtime.own_rows import ROWS, kept_in_rows
from twofold.runtime.refusals import REFUSALS, Refusal, written_refusal
from twofold.runtime.sending import REFUSED, SUCCEEDED, Done, Sent
from twofold.runtime.streams import StreamState
from twofold.wiring.handlings import Handling
from twofold.wiring.wired import Wired


class Request(msgspec.Struct, frozen=True):
    """A command to be decided. ``digest`` identifies its payload where it came under a key.

    ``identity`` is "" where the command begins a new aggregate. ``facts`` are what ``given=``
    found; ``objection`` is the refusal it raised instead. ``fresh``: its id was made just now.
    ``queued``: it was sent by a process, and is taken off the agenda when it succeeds.
    ``final``: it was accepted before, and whatever comes of it is recorded, with ``later``.
    """

    handling: Handling
    command: Command
    sent: Sent
    command_id: str
    digest: str
    limited: bool
    identity: str
    now: datetime
    facts: Any = None
    objection: Refusal | None = None
    fresh: bool = False
    queued: bool = False
    final: bool = False
    later: Later | None = None

    def keeps(self, refusal: Refusal) -> bool:
        """Whether the refusal is recorded, so that the next sending meets it again."""
        kept_anyway = self.queued or self.final
        return kept_anyway or (bool(self.digest) and isinstance(refusal, Refused))


class Decided(msgspec.Struct, frozen=True, gc=False):
    """What to append, and what to answer once it holds: ``done``, or ``refusal``."""

    append: Append
    done: Done | None
    refusal: Refusal | None
    state: StreamState


class Decisions:
    """Decides requests. The state given is moved on to what it will be if the append holds."""

    def __init__(self, wired: Wired, chance: Chance, *, own_rows: bool = True) -> None:
        self._wired = wired
        self._chance = chance
        self._own_rows = own_rows
        self.encode = msgspec.json.Encoder().encode

    def context(self, request: Request, identity: str) -> Context:
        """What the request's decision is told of time, caller and chance."""
        return Context(request.now, request.sent.caller, identity, self._chance)

    def decide(self, request: Request, state: StreamState, identity: str, stream: str) -> Decided:
        """Decide. Raises what broken decisions raise; then ``state`` is as it was."""
        before, time_us = state.version, microseconds(request.now)
        try:
            if request.objection is not None:
                raise request.objection
            if request.limited:
                _check_owner(request, state.state)
            decided, after = self._run(request, state, identity)
        except REFUSALS as refusal:
            # A refusal holds only if the state it was based on does, so the version is checked.
            record = None
            if request.keeps(refusal):
                answer = written_refusal(refusal)
                record = self._record(request, REFUSED, answer, state, identity, time_us)
            append = Append(stream, before, (), record, later=request.later)
            return Decided(append, None, refusal, state)
        begun = [one for one in decided if isinstance(one, Begun)]
        events = tuple(one for one in decided if not isinstance(one, Begun)) if begun else decided
        version = before + len(events)
        answer = self._answer(request, identity, after, version, events)
        append = Append(
            stream,
            before,
            self._new_events(request, events, stream, before, time_us),
            self._record(request, SUCCEEDED, answer, state, identity, time_us),
            self._snapshot(request.handling.aggregate, before, after, version, state.position),
            tuple(event for one in begun for event in self._begin(request, one, time_us)),
            request.fresh,
            Later(dequeued=(request.command_id,)) if request.queued else request.later,
        )
        # Last, when no code of the application can fail any more: others decide on this state.
        state.state, state.version = after, version
        done = Done(
            request.command_id, identity, answer, state.position, before == 0, False, events
        )
        return Decided(append, done, None, state)

    def _run(
        self, request: Request, state: StreamState, identity: str
    ) -> tuple[tuple[Event, ...], Any]:
        handling = request.handling
        arguments = [
            self.context(request, identity) if want == "context" else request.facts
            for want in handling.decider.wants
        ]
        return decide(
            handling.aggregate,
            handling.decider,
            self._wired.folds[handling.aggregate.name],
            state.state,
            request.command,
            identity,
            arguments,
        )

    def _new_events(
        self,
        request: Request,
        events: tuple[Event, ...],
        stream: str,
        version: int,
        time_us: int,
    ) -> tuple[NewEvent, ...]:
        sent = request.sent
        correlation = sent.correlation_id or request.command_id
        found = []
        for number, event in enumerate(events, version + 1):
            kind = self._wired.events.by_class[type(event)]
            found.append(
                NewEvent(
                    self._chance.new_id(request.now),
                    stream,
                    number,
                    kind.name,
                    kind.version,
                    time_us,
                    correlation,
                    request.command_id,
                    sent.caller.subject,
                    sent.trace,
                    self.encode(event),
                )
            )
        return tuple(found)

    def _begin(self, request: Request, begun: Begun, time_us: int) -> tuple[NewEvent, ...]:
        stream = stream_name(begun.aggregate.name, begun.identity)
        return self._new_events(request, (begun.event,), stream, 0, time_us)

    def _record(
        self,
        request: Request,
        status: str,
        answer: bytes,
        state: StreamState,
        identity: str,
        time_us: int,
    ) -> CommandRecord:
        return CommandRecord(
            request.command_id,
            request.handling.operation,
            request.digest,
            status,
            answer,
            state.position,
            time_us,
            request.sent.caller.subject,
            identity,
        )

    def _answer(
        self, request: Request, identity: str, after: Any, version: int, events: tuple[Event, ...]
    ) -> bytes:
        aggregate, handling = request.handling.aggregate, request.handling
        if aggregate.answer is not None:
            told = (request.command, events) if handling.answer_wants_events else ()
            return self.encode(aggregate.answer(identity, after, *told))
        name = getattr(aggregate.identity, "__name__", "Id")
        return self.encode({name[0].lower() + name[1:]: identity, "version": version})

    def _snapshot(
        self, aggregate: Aggregate[Any], before: int, after: Any, version: int, position: int
    ) -> Snapshot | None:
        if isinstance(aggregate, EventSourced):
            every = aggregate.snapshot_every
            if version // every == before // every:
                return None
            fold = self._wired.fingerprints[aggregate.name]
        elif version == before:
            return None
        elif self._own_rows and kept_in_rows(aggregate) is not None:
            return Snapshot(version, position, ROWS, b"")
        else:
            fold = STORED
        return Snapshot(version, position, fold, self.encode(after))


def _check_owner(request: Request, state: Any) -> None:
    """The rule ``own``: of the state where there is one, else of what the command says."""
    handling, caller = request.handling, request.sent.caller
    if state is not None and handling.state_owner:
        owner = getattr(state, handling.state_owner)
    elif handling.command_owner:
        owner = getattr(request.command, handling.command_owner) or caller.subject
    else:
        return
    if owner != caller.subject:
        raise Forbidden(handling.operation, handling.may.text)
