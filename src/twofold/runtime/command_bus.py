"""Commands: decided on the state as it is, appended and answered, once however often sent."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from twofold.domain.aggregate import Aggregate, EventSourced, StateStored, as_events
from twofold.domain.caller import NOBODY, Caller
from twofold.domain.context import Context
from twofold.errors import (
    AlreadyExists,
    ConcurrencyConflict,
    Forbidden,
    InvalidInput,
    KeyReused,
    NotFound,
    Refused,
    TwofoldError,
)
from twofold.messages.recorded import NewEvent, microseconds, stream_name
from twofold.messages.value import Command, Event
from twofold.ports.log import Append, Appended, CommandRecord, Duplicate, Log, Snapshot
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.numbers import Numbers
from twofold.runtime.refusals import read_refusal, written_refusal
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.streams import STORED, Streams, StreamState
from twofold.runtime.writer import Writer
from twofold.wiring.wired import Handling, Wired

SUCCEEDED = "succeeded"
REFUSED = "refused"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a command. ``key``: sending the same key again has no second effect.

    ``at`` is when it happened, for facts taken over from elsewhere; otherwise now.
    """

    caller: Caller = NOBODY
    key: str = ""
    command_id: str = ""
    correlation_id: str = ""
    trace: str = ""
    at: datetime | None = None


class Done(msgspec.Struct, frozen=True):
    """A command that succeeded. ``answer`` is JSON; ``position`` is what a reader must have seen.

    ``events`` are those it led to (none when replayed), ``created`` tells whether the aggregate is
    new, ``replayed`` whether this is the answer of an earlier sending.
    """

    command_id: str
    identity: str
    answer: bytes
    position: int
    created: bool = False
    replayed: bool = False
    events: tuple[Event, ...] = ()


class _Decided(msgspec.Struct, frozen=True, gc=False):
    append: Append
    done: Done | None
    refusal: TwofoldError | None
    state: StreamState


class CommandBus:
    """Handles commands. One per process; ``handle`` may be called by any number of tasks."""

    def __init__(
        self,
        wired: Wired,
        log: Log,
        streams: Streams,
        writer: Writer,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self._wired = wired
        self._streams = streams
        self._sources = BusSources(streams, Numbers(log))
        self._writer = writer
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._encode = msgspec.json.Encoder().encode
        self._in_flight: dict[str, tuple[str, asyncio.Future[Done]]] = {}

    async def handle(self, command: Command, sent: Sent | None = None) -> Done:
        """Decide and record ``command``.

        Raises Refused, NotFound, AlreadyExists, SignInRequired, Forbidden, KeyReused,
        ConcurrencyConflict, StoreUnavailable; then nothing was recorded but a refusal under a key.
        """
        sent = sent or Sent()
        handling = self._wired.handlings.get(type(command))
        if handling is None:
            raise InvalidInput(f"no aggregate decides {type(command).__name__}")
        limited = handling.may.check(handling.operation, sent.caller)
        if not sent.key:
            command_id = sent.command_id or self._chance.new_id(self._clock.now())
            return await self._handle(handling, command, sent, command_id, "", limited)
        command_id = keyed_id(sent.caller.subject, handling.operation, sent.key)
        digest = hashlib.blake2b(self._encode(command), digest_size=16).hexdigest()
        return await self._join(handling, command, sent, command_id, digest, limited)

    async def _join(
        self,
        handling: Handling,
        command: Command,
        sent: Sent,
        command_id: str,
        digest: str,
        limited: bool,
    ) -> Done:
        """The same command sent while the first is under way gets the same answer."""
        waiting = self._in_flight.get(command_id)
        if waiting is None:
            task = asyncio.ensure_future(
                self._handle(handling, command, sent, command_id, digest, limited)
            )
            self._in_flight[command_id] = (digest, task)
            task.add_done_callback(lambda task: self._landed(command_id, task))
            # Shielded: a client that hangs up does not undo what it asked for.
            return await asyncio.shield(task)
        if waiting[0] != digest:
            raise KeyReused(sent.key)
        done = await asyncio.shield(waiting[1])
        return msgspec.structs.replace(done, replayed=True)

    def _landed(self, command_id: str, task: asyncio.Future[Done]) -> None:
        del self._in_flight[command_id]
        if not task.cancelled():
            # Whoever asked may be gone; asking for the error keeps the loop from complaining.
            task.exception()

    async def _handle(
        self,
        handling: Handling,
        command: Command,
        sent: Sent,
        command_id: str,
        digest: str,
        limited: bool,
    ) -> Done:
        given = None
        identity = getattr(command, handling.identity_field) if handling.identity_field else ""
        if handling.decider.given is not None:
            context = Context(sent.at or self._clock.now(), sent.caller, identity, self._chance)
            given = await handling.decider.given(command, self._sources, context)
        attempt = 0
        while True:
            attempt += 1
            state, identity, stream = await self._state(handling.aggregate, identity)
            decided = self._decide(
                handling, command, sent, command_id, digest, limited, given, state, identity, stream
            )
            try:
                outcome = await self._writer.write(decided.append, state)
            except BaseException:
                self._streams.forget(stream, state)
                raise
            if isinstance(outcome, Appended):
                return self._settled(decided, outcome)
            self._streams.forget(stream, state)
            if isinstance(outcome, Duplicate):
                return replayed(outcome.record, digest, identity, sent.key)
            if attempt >= self._settings.decide_attempts:
                raise ConcurrencyConflict(
                    stream, decided.append.expected_version, outcome.actual_version, attempt
                )

    async def _state(
        self, aggregate: Aggregate[Any], identity: str
    ) -> tuple[StreamState, str, str]:
        if identity:
            stream = stream_name(aggregate.name, identity)
            known = self._streams.known(stream)
            return known or await self._streams.at(aggregate, stream), identity, stream
        identity = self._chance.new_id(self._clock.now())
        stream = stream_name(aggregate.name, identity)
        return self._streams.begin(stream), identity, stream

    def _decide(
        self,
        handling: Handling,
        command: Command,
        sent: Sent,
        command_id: str,
        digest: str,
        limited: bool,
        given: Any,
        state: StreamState,
        identity: str,
        stream: str,
    ) -> _Decided:
        now = sent.at or self._clock.now()
        before = state.version
        try:
            if limited:
                self._check_owner(handling, command, state.state, sent.caller)
            events, after = self._run(handling, command, sent, given, state, identity, now)
        except (Refused, NotFound, AlreadyExists, Forbidden) as refusal:
            # A refusal holds only if the state it was based on does, so the version is checked.
            record = None
            if digest and isinstance(refusal, Refused):
                answer = written_refusal(refusal)
                record = self._record(command_id, handling, digest, REFUSED, answer, state, now)
            return _Decided(Append(stream, before, (), record), None, refusal, state)
        state.state = after
        state.version = before + len(events)
        answer = self._answer(handling.aggregate, identity, state)
        append = Append(
            stream,
            before,
            self._new_events(events, stream, before, sent, command_id, now),
            self._record(command_id, handling, digest, SUCCEEDED, answer, state, now),
            self._snapshot(handling.aggregate, before, state),
        )
        done = Done(command_id, identity, answer, state.position, before == 0, False, events)
        return _Decided(append, done, None, state)

    def _run(
        self,
        handling: Handling,
        command: Command,
        sent: Sent,
        given: Any,
        state: StreamState,
        identity: str,
        now: datetime,
    ) -> tuple[tuple[Event, ...], Any]:
        decider, aggregate = handling.decider, handling.aggregate
        if state.state is None and not decider.creates:
            raise NotFound(aggregate.name, identity)
        if state.state is not None and not decider.changes:
            raise AlreadyExists(aggregate.name, identity)
        arguments = [
            Context(now, sent.caller, identity, self._chance) if want == "context" else given
            for want in decider.wants
        ]
        decided = decider.function(state.state, command, *arguments)
        if isinstance(aggregate, StateStored):
            after, happened = decided
            return as_events(happened), after
        events = as_events(decided)
        folds = self._wired.folds[aggregate.name]
        after = state.state
        for event in events:
            after = folds[type(event)](after, event)
        return events, after

    def _check_owner(
        self, handling: Handling, command: Command, state: Any, caller: Caller
    ) -> None:
        if state is not None and handling.state_owner:
            owner = getattr(state, handling.state_owner)
        elif state is None and handling.command_owner:
            owner = getattr(command, handling.command_owner) or caller.subject
        else:
            return
        if owner != caller.subject:
            raise Forbidden(handling.operation, handling.may.text)

    def _new_events(
        self,
        events: tuple[Event, ...],
        stream: str,
        version: int,
        sent: Sent,
        command_id: str,
        now: datetime,
    ) -> tuple[NewEvent, ...]:
        time_us = microseconds(now)
        correlation = sent.correlation_id or command_id
        found = []
        for number, event in enumerate(events, version + 1):
            kind = self._wired.events.by_class[type(event)]
            found.append(
                NewEvent(
                    self._chance.new_id(now),
                    stream,
                    number,
                    kind.name,
                    kind.version,
                    time_us,
                    correlation,
                    command_id,
                    sent.caller.subject,
                    sent.trace,
                    self._encode(event),
                )
            )
        return tuple(found)

    def _record(
        self,
        command_id: str,
        handling: Handling,
        digest: str,
        status: str,
        answer: bytes,
        state: StreamState,
        now: datetime,
    ) -> CommandRecord:
        return CommandRecord(
            command_id,
            handling.operation,
            digest,
            status,
            answer,
            state.position,
            microseconds(now),
        )

    def _answer(self, aggregate: Aggregate[Any], identity: str, state: StreamState) -> bytes:
        if aggregate.answer is not None:
            return self._encode(aggregate.answer(identity, state.state))
        name = getattr(aggregate.identity, "__name__", "Id")
        return self._encode({name[0].lower() + name[1:]: identity, "version": state.version})

    def _snapshot(
        self, aggregate: Aggregate[Any], before: int, state: StreamState
    ) -> Snapshot | None:
        if isinstance(aggregate, EventSourced):
            every = aggregate.snapshot_every
            if state.version // every == before // every:
                return None
            fold = self._wired.fingerprints[aggregate.name]
        elif state.version == before:
            return None
        else:
            fold = STORED
        return Snapshot(state.version, state.position, fold, self._encode(state.state))

    def _settled(self, decided: _Decided, outcome: Appended) -> Done:
        if decided.refusal is not None:
            raise decided.refusal
        assert decided.done is not None
        if not outcome.last_position:
            return decided.done
        state = decided.state
        state.position = max(state.position, outcome.last_position)
        return msgspec.structs.replace(decided.done, position=outcome.last_position)


class BusSources:
    """The facts that ``given=`` functions may ask for."""

    def __init__(self, streams: Streams, numbers: Numbers) -> None:
        self._streams = streams
        self._numbers = numbers

    async def states(
        self, aggregate: Aggregate[Any], identities: Sequence[str]
    ) -> Mapping[str, Any]:
        """The states of other aggregates as the log has them now; unknown ids are left out."""
        return await self._streams.fresh(aggregate, list(dict.fromkeys(identities)))

    async def next_number(self, series: str) -> int:
        """The next number of a series, never given twice."""
        return await self._numbers.next(series)


def keyed_id(subject: str, operation: str, key: str) -> str:
    """The command id that an idempotency key stands for: one per caller, operation and key."""
    scope = "\x00".join((subject, operation, key)).encode()
    text = hashlib.blake2b(scope, digest_size=16).hexdigest()
    # The layout of a UUIDv8 (RFC 9562 §5.8): custom bits, marked as such.
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-a{text[17:20]}-{text[20:]}"


def replayed(record: CommandRecord, digest: str, identity: str, key: str) -> Done:
    """The first answer again. Raises KeyReused, or the refusal that was recorded."""
    if digest and record.digest != digest:
        raise KeyReused(key)
    if record.status == REFUSED:
        raise read_refusal(record.answer)
    return Done(record.command_id, identity, record.answer, record.position, replayed=True)
