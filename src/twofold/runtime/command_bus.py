"""Commands: decided on the state as it is, appended and answered, once however often sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from twofold.domain.aggregate import Aggregate
from twofold.domain.caller import SYSTEM, Caller
from twofold.errors import (
    ConcurrencyConflict,
    Forbidden,
    KeyReused,
    NotFound,
    Refused,
    ShuttingDown,
    SignInRequired,
    StoreUnavailable,
    UnknownCommand,
)
from twofold.messages.recorded import microseconds, stream_name
from twofold.messages.value import Command
from twofold.ports.agenda import Later, QueuedCommand
from twofold.ports.inbox import Accepted
from twofold.ports.log import Append, Appended, CommandRecord, Duplicate, Log
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.admission import admitted
from twofold.runtime.decisions import Decided, Decisions, Request
from twofold.runtime.failures import CommandFailure
from twofold.runtime.numbers import Numbers
from twofold.runtime.own_rows import RowChange
from twofold.runtime.refusals import REFUSALS, Refusal
from twofold.runtime.sending import FAILED, Done, Sent, keyed_id, payload_digest, replayed
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.streams import Streams, StreamState
from twofold.runtime.writer import Writer
from twofold.wiring.handlings import Handling, Via
from twofold.wiring.wired import Wired


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
        self._log = log
        self._streams = streams
        self._sources = BusSources(streams, Numbers(log).next)
        self._writer = writer
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._decisions = Decisions(wired, chance, own_rows=settings.own_rows)
        self._in_flight: dict[str, tuple[str, asyncio.Future[Done]]] = {}

    async def handle(self, command: Command, sent: Sent | None = None) -> Done:
        """Decide and record ``command``.

        Raises Refused, NotFound, AlreadyExists, SignInRequired, Forbidden, KeyReused,
        ConcurrencyConflict; then nothing was recorded but a refusal under a key. After
        StoreUnavailable it may have been: send it again under the same key.
        """
        sent = sent or Sent()
        handling, limited, identity = admitted(self._wired, command, sent.caller)
        if handling.via is not None:
            identity = await self._reached(handling, handling.via, command, sent, limited)
        now = self._now(sent)
        if not sent.key:
            command_id = sent.command_id or self._chance.new_id(now)
            fresh = not sent.command_id
            return await self._decided(
                Request(
                    handling, command, sent, command_id, "", limited, identity, now, fresh=fresh
                )
            )
        command_id = keyed_id(sent.caller.subject, handling.operation, sent.key)
        digest = payload_digest(self._decisions.encode(command))
        return await self._join(
            Request(handling, command, sent, command_id, digest, limited, identity, now)
        )

    def operation(self, command: Command) -> str:
        """The name of what is asked for. Raises UnknownCommand."""
        handling = self._wired.handlings.get(type(command))
        if handling is None:
            raise UnknownCommand(type(command).__name__)
        return handling.operation

    async def handle_queued(self, command: Command, queued: QueuedCommand) -> Done:
        """Decide and record a command that a process has sent, or that a foreign event led to.

        The rules on who may are for callers from outside. Whatever sends it how often, it is
        decided once: refusals of any kind are recorded too, and raised again. Where it succeeds it
        is taken off the agenda in the same transaction.
        """
        return await self._once(await self._queued_request(command, queued))

    async def rehearse_queued(self, command: Command, queued: QueuedCommand) -> Decided:
        """What ``handle_queued`` would come to, by the code as it is now; nothing is recorded.

        Raises whatever would keep it from being decided.
        """
        return await self._rehearsed(await self._queued_request(command, queued), {})

    async def _queued_request(self, command: Command, queued: QueuedCommand) -> Request:
        handling = self._wired.handlings[type(command)]
        sent = Sent(caller=SYSTEM, correlation_id=queued.correlation_id, trace=queued.trace)
        identity = getattr(command, handling.identity_field) if handling.identity_field else ""
        objection = None
        if handling.via is not None:
            try:
                identity = await self._reached(handling, handling.via, command, sent, False)
            except NotFound as exc:
                # Recorded in a stream that does not exist, for want of one that does.
                identity, objection = "", exc
        return Request(
            handling,
            command,
            sent,
            queued.command_id,
            "",
            False,
            identity,
            self._now(sent),
            objection=objection,
            queued=True,
        )

    async def handle_accepted(
        self, command: Command, accepted: Accepted, later: Later | None
    ) -> bool:
        """Decide and record a command that was accepted before, for the caller who sent it.

        Whatever comes of it is recorded, with ``later`` in the same transaction; whoever hands it
        over how often, it is decided once. Answers whether that was now. Raises what keeps it from
        being decided: ConcurrencyConflict, StoreUnavailable, ShuttingDown, and what broken
        decisions raise.
        """
        request = await self._accepted_request(command, accepted, later)
        try:
            outcome = await self._recorded(request)
        except (StoreUnavailable, ShuttingDown):
            raise
        except Exception:
            if await self._log.records([accepted.command_id]):
                return False
            raise
        return not isinstance(outcome, CommandRecord)

    async def _accepted_request(
        self, command: Command, accepted: Accepted, later: Later | None
    ) -> Request:
        caller = Caller(accepted.subject, accepted.name, frozenset(accepted.roles))
        sent = Sent(
            caller=caller,
            key=accepted.key,
            correlation_id=accepted.correlation_id,
            trace=accepted.trace,
        )
        handling, limited, identity = self._wired.handlings[type(command)], False, ""
        objection: Refusal | None = None
        try:
            _, limited, identity = admitted(self._wired, command, caller)
            if handling.via is not None:
                identity = await self._reached(handling, handling.via, command, sent, limited)
        except SignInRequired:
            # Accepted under a rule that has been changed since.
            objection = Forbidden(handling.operation, handling.may.text)
        except REFUSALS as refusal:
            # Recorded in a stream that does not exist, for want of one that does.
            objection = refusal
        return Request(
            handling,
            command,
            sent,
            accepted.command_id,
            accepted.digest,
            limited,
            "" if objection is not None else identity,
            self._now(sent),
            objection=objection,
            final=True,
            later=later,
        )

    async def rehearse_accepted(
        self, command: Command, accepted: Accepted, states: dict[str, StreamState]
    ) -> Decided:
        """What ``handle_accepted`` would come to, by the code as it is now; nothing is recorded.

        ``states`` are those that commands rehearsed before it would leave, and are moved on. Raises
        whatever would keep it from being decided.
        """
        request = await self._accepted_request(command, accepted, None)
        return await self._rehearsed(request, states)

    async def record_failure(
        self, accepted: Accepted, failure: CommandFailure, later: Later | None
    ) -> bool:
        """Record that a command could not be decided; answers whether there was no record yet."""
        told = accepted.command_id, accepted.operation, accepted.digest, accepted.subject
        return await self._record_failure(*told, failure, later)

    async def leave_out(self, queued: QueuedCommand, failure: CommandFailure) -> bool:
        """Record that a process's command is not to be decided, and take it off the agenda.

        Answers whether there was no record of it yet.
        """
        later = Later(dequeued=(queued.command_id,))
        told = queued.command_id, queued.operation, "", SYSTEM.subject
        return await self._record_failure(*told, failure, later)

    async def _record_failure(
        self,
        command_id: str,
        operation: str,
        digest: str,
        subject: str,
        failure: CommandFailure,
        later: Later | None,
    ) -> bool:
        stream = stream_name("command", command_id)
        state = self._streams.begin(stream)
        record = CommandRecord(
            command_id,
            operation,
            digest,
            FAILED,
            failure.written(),
            0,
            microseconds(self._clock.now()),
            subject,
        )
        try:
            append = Append(stream, 0, (), record, later=later)
            return isinstance(await self._writer.write(append, state), Appended)
        finally:
            self._streams.forget(stream, state)

    async def _reached(
        self, handling: Handling, via: Via, command: Command, sent: Sent, limited: bool
    ) -> str:
        """The id that the aggregate named in the command knows. Raises NotFound, Forbidden."""
        named = getattr(command, via.field)
        start = via.way.start
        state = (await self._streams.fresh(start, [named])).get(named)
        if state is None:
            raise NotFound(start.name, named)
        if limited and via.owner and getattr(state, via.owner) != sent.caller.subject:
            raise Forbidden(handling.operation, handling.may.text)
        return via.way.identity(state)

    def _now(self, sent: Sent) -> datetime:
        return sent.at or self._clock.now()

    async def _join(self, request: Request) -> Done:
        """The same command sent while the first is under way gets the same answer."""
        waiting = self._in_flight.get(request.command_id)
        if waiting is None:
            task = asyncio.ensure_future(self._once(request))
            self._in_flight[request.command_id] = (request.digest, task)
            task.add_done_callback(lambda task: self._landed(request.command_id, task))
            # Shielded: a client that hangs up does not undo what it asked for.
            return await asyncio.shield(task)
        if waiting[0] != request.digest:
            raise KeyReused(request.sent.key)
        done = await asyncio.shield(waiting[1])
        return msgspec.structs.replace(done, replayed=True)

    def _landed(self, command_id: str, task: asyncio.Future[Done]) -> None:
        del self._in_flight[command_id]
        if not task.cancelled():
            # Whoever asked may be gone; asking for the error keeps the loop from complaining.
            task.exception()

    async def _once(self, request: Request) -> Done:
        """A command with a known id that fails now may have succeeded before: the record knows."""
        try:
            return await self._decided(request)
        except (Refused, KeyReused, ConcurrencyConflict, StoreUnavailable, ShuttingDown):
            raise
        except Exception:
            known = await self._log.records([request.command_id])
            record = known.get(request.command_id)
            if record is None:
                raise
            return replayed(record, request.digest, request.identity, request.sent.key)

    async def _decided(self, request: Request) -> Done:
        """Decide and record. Raises the refusal, be it new or recorded before."""
        outcome = await self._recorded(request)
        if isinstance(outcome, CommandRecord):
            return replayed(outcome, request.digest, request.identity, request.sent.key)
        return _settled(*outcome)

    async def _recorded(self, request: Request) -> tuple[Decided, Appended] | CommandRecord:
        """Decide and append; again if somebody else was first, within limits.

        Answers what was appended, or the record that was there before.
        """
        if request.handling.decider.given is not None and request.objection is None:
            request = await self._with_facts(request, self._sources)
        attempt = 0
        while True:
            attempt += 1
            state, identity, stream = await self._state(request)
            before = state.state
            decided = self._decisions.decide(request, state, identity, stream)
            change = self._row_change(request, identity, before, state.state)
            try:
                outcome = await self._writer.write(decided.append, state, change)
            except BaseException:
                self._streams.forget(stream, state)
                raise
            if isinstance(outcome, Appended):
                return decided, outcome
            self._streams.forget(stream, state)
            if isinstance(outcome, Duplicate):
                return outcome.record
            if attempt >= self._settings.decide_attempts:
                raise ConcurrencyConflict(
                    stream, decided.append.expected_version, outcome.actual_version, attempt
                )
            request = msgspec.structs.replace(request, now=self._now(request.sent))

    def _row_change(
        self, request: Request, identity: str, before: Any, after: Any
    ) -> RowChange | None:
        aggregate = self._streams.kept_in_rows(request.handling.aggregate)
        return RowChange(aggregate, identity, before, after) if aggregate is not None else None

    async def _rehearsed(self, request: Request, states: dict[str, StreamState]) -> Decided:
        """Decide on the state among ``states``, else as the log has it, which stays as it is."""
        if request.handling.decider.given is not None and request.objection is None:
            request = await self._with_facts(request, RehearsedSources(self._streams))
        aggregate, identity = request.handling.aggregate, request.identity
        known = await self._streams.fresh(aggregate, [identity]) if identity else {}
        identity = identity or self._chance.new_id(request.now)
        stream = stream_name(aggregate.name, identity)
        state = states.setdefault(stream, StreamState(known.get(identity), len(known), 0))
        return self._decisions.decide(request, state, identity, stream)

    async def _with_facts(self, request: Request, sources: BusSources) -> Request:
        """Ask ``given=`` for facts. Its refusal under a key is recorded like the decision's."""
        assert request.handling.decider.given is not None
        context = self._decisions.context(request, request.identity)
        try:
            facts = await request.handling.decider.given(request.command, sources, context)
        except REFUSALS as refusal:
            if not request.keeps(refusal):
                raise
            return msgspec.structs.replace(request, objection=refusal)
        return msgspec.structs.replace(request, facts=facts)

    async def _state(self, request: Request) -> tuple[StreamState, str, str]:
        aggregate, identity = request.handling.aggregate, request.identity
        if identity:
            stream = stream_name(aggregate.name, identity)
            known = self._streams.known(stream)
            return known or await self._streams.at(aggregate, stream), identity, stream
        identity = self._chance.new_id(request.now)
        stream = stream_name(aggregate.name, identity)
        return self._streams.begin(stream), identity, stream


def _settled(decided: Decided, outcome: Appended) -> Done:
    if decided.refusal is not None:
        raise decided.refusal
    assert decided.done is not None
    # Without events of its own, the answer rests on those before it, committed with it or earlier.
    position = outcome.last_position or decided.state.position
    return msgspec.structs.replace(decided.done, position=position)


class BusSources:
    """The facts that ``given=`` functions may ask for."""

    def __init__(self, streams: Streams, numbers: Callable[[str], Awaitable[int]]) -> None:
        self._streams = streams
        self._numbers = numbers

    async def states(
        self, aggregate: Aggregate[Any], identities: Sequence[str]
    ) -> Mapping[str, Any]:
        """The states of other aggregates as the log has them now; unknown ids are left out."""
        return await self._streams.fresh(aggregate, list(dict.fromkeys(identities)))

    async def next_number(self, series: str) -> int:
        """The next number of a series, never given twice."""
        return await self._numbers(series)


class RehearsedSources(BusSources):
    """The same where nothing may be used up: 0 stands for the next number."""

    def __init__(self, streams: Streams) -> None:
        super().__init__(streams, _no_number)


async def _no_number(series: str) -> int:
    return 0
