"""What waits in process managers: instances that are stuck, and commands nobody can decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from twofold.errors import NotFound, ParkedChanged, ProcessFailed
from twofold.messages.recorded import microseconds, moment
from twofold.ports.agenda import RETRY, QueuedCommand
from twofold.runtime.failures import CommandFailure
from twofold.runtime.nearest import nearest
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import (
    DocumentView,
    EffectView,
    ParkedView,
    Part,
    ReleaseView,
    SequenceView,
    WaitingView,
    field_views,
)
from twofold.runtime.processes.instances import CameDue, Failure, Happened, Instance, LeftOut
from twofold.runtime.processes.step_records import Step, cause_of, read_step, told
from twofold.runtime.streams import StreamState
from twofold.runtime.system import System
from twofold.wiring.reactings import Reacting

_PREFIX = "process:"
_INSTANCE, _SENDING = "instance:", "sending:"
_NEAR = 200


class ParkedInstances:
    """Of all processes: ``process:NAME`` has the sequences ``instance:KEY`` and ``sending:KEY``.

    Both are tried again by themselves, with growing pauses; a release does so at once.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._agenda = system.log.agenda
        self._reactings = system.wired.reactings
        self._sendings = ParkedSendings(system)

    def names(self) -> Sequence[str]:
        """Processes."""
        return [f"{_PREFIX}{name}" for name in self._reactings]

    async def part(self, name: str, state: str, cause: str, offset: int, size: int) -> Part:
        """Instances that are stuck, then commands that fail."""
        names = [_named(name)] if name else list(self._reactings)
        if state not in ("", "retrying") or not names:
            return Part((), 0, {})
        counts = await self._agenda.stuck()
        stuck = sum(counts.get(one, 0) for one in names)
        found = await self._agenda.stuck_streams(names, offset, size)
        loaded = await self._system.processes.instances.load([stream for _, stream in found])
        items = [
            await self._view(process, stream, loaded[stream].state)
            for process, stream in found
            if loaded[stream].state.failure is not None
        ]
        failing, sendings = await self._sendings.part(
            names, max(0, offset - stuck), size - len(found)
        )
        items += sendings
        causes: dict[str, int] = {}
        if len(items) == stuck + failing:
            for one in items:
                causes[one.cause] = causes.get(one.cause, 0) + 1
        return Part(tuple(items), stuck + failing, causes)

    async def show(self, name: str, sequence: str, limit: int) -> SequenceView:
        """What the instance is stuck on, and the events behind it."""
        if sequence.startswith(_SENDING):
            return await self._sendings.show(self._reacting(name), sequence, limit)
        reacting, stream, state = await self._found(name, sequence)
        instance: Instance = state.state
        assert instance.failure is not None
        events = []
        for position in instance.waiting[:limit]:
            (recorded,) = await self._system.log.read(position - 1, 1)
            data = _plain(recorded.data)
            events.append(
                WaitingView(position, recorded.type, recorded.stream, recorded.time, data)
            )
        view = await self._view(reacting.name, stream, instance)
        return SequenceView(view, instance.failure.traceback, tuple(events), len(instance.waiting))

    async def rehearse(
        self, name: str, sequence: str, discarding: Discarding | None
    ) -> ReleaseView:
        """The steps that it would take, one after another, in the memory alone."""
        if sequence.startswith(_SENDING):
            return await self._sendings.rehearse(self._reacting(name), sequence, discarding)
        reacting, stream, state = await self._found(name, sequence)
        processes = self._system.processes
        before: Instance = state.state
        left_out = 0
        if discarding is not None:
            _check_failing(before, name, sequence)
            trigger, left_out = await self._leaving_out(before, discarding)
            processes.steps.take(reacting, stream, state, trigger)
        key, taken = _key(stream), list[Step]()
        why: ProcessFailed | None = None
        while state.state.failure is not None:
            try:
                again = await processes.instances.retried(reacting.name, key, state.state)
            except ProcessFailed as exc:
                why = exc
                break
            assert again is not None
            append = processes.steps.take(reacting, stream, state, again)
            if append is None or _failed_again(state.state):
                break
            taken += [read_step(event.data) for event in append.events]
        came = await self._came(reacting, stream, before, state.state, taken, why)
        return msgspec.structs.replace(came, discarded=left_out)

    async def release(
        self, name: str, sequence: str, *, actor: str, seen: int | None
    ) -> ReleaseView:
        """Take those steps now."""
        if sequence.startswith(_SENDING):
            return await self._sendings.release(self._reacting(name), sequence, seen)
        reacting, stream, state = await self._found(name, sequence, seen)
        return await self._gone_on(reacting, stream, state.version, state.state)

    async def discard(
        self, name: str, sequence: str, discarding: Discarding, *, seen: int | None
    ) -> ReleaseView:
        """Who left out what, and why, is a step of the instance's history.

        Said again, it is ParkedChanged, also where nobody has gone on with the instance yet.
        """
        if sequence.startswith(_SENDING):
            return await self._sendings.discard(self._reacting(name), sequence, discarding, seen)
        reacting, stream, state = await self._found(name, sequence, seen)
        before: Instance = state.state
        _check_failing(before, name, sequence)
        trigger, left_out = await self._leaving_out(before, discarding)
        await self._system.processes.stepping.take({stream: [trigger]})
        if not await self._left_out(stream, state.version, trigger):
            raise ParkedChanged(name, sequence)
        gone_on = await self._gone_on(reacting, stream, state.version, before)
        return msgspec.structs.replace(gone_on, discarded=left_out)

    async def _leaving_out(self, instance: Instance, discarding: Discarding) -> tuple[LeftOut, int]:
        """The trigger, and how many events and timers it leaves out."""
        failed, failure = await self._system.processes.instances.failed(instance), instance.failure
        assert failed is not None
        assert failure is not None
        actor, reason, every = discarding.actor, discarding.reason, discarding.everything
        behind = len(instance.waiting) - isinstance(failed, Happened)
        left_out = LeftOut(failed, actor, reason, failure.last_us, every)
        return left_out, 1 + behind if every else 1

    async def _left_out(self, stream: str, begun: int, trigger: LeftOut) -> bool:
        """Whether the history tells of it, or the instance had changed."""
        recorded = await self._system.log.read_stream(stream, begun, _NEAR)
        steps = [read_step(one.data) for one in recorded]
        cause = cause_of(trigger)
        return any(one.outcome == "discarded" and one.cause == cause for one in steps)

    async def _gone_on(
        self, reacting: Reacting, stream: str, begun: int, before: Instance
    ) -> ReleaseView:
        """Take steps until nothing waits, or something fails again."""
        state, why = await self._loaded(stream), None
        while state.state.failure is not None:
            due = CameDue(RETRY, state.state.failure.retry_us)
            failed = await self._system.processes.stepping.take({stream: [due]})
            state = await self._loaded(stream)
            if failed or _failed_again(state.state):
                why = failed.get(stream)
                break
        recorded = await self._system.log.read_stream(stream, begun, _NEAR)
        taken = [step for one in recorded if (step := read_step(one.data)).outcome == "taken"]
        return await self._came(reacting, stream, before, state.state, taken, why)

    async def _came(
        self,
        reacting: Reacting,
        stream: str,
        before: Instance,
        after: Instance,
        taken: Sequence[Step],
        why: ProcessFailed | None,
    ) -> ReleaseView:
        again = None
        if after.failure is not None:
            if why is not None:
                error = told(why.__cause__ or why)
                failure = msgspec.structs.replace(after.failure, error=error)
                after = msgspec.structs.replace(after, failure=failure)
            again = await self._view(reacting.name, stream, after)
        document = _document(_key(stream), before, after)
        effects = tuple(effect for step in taken for effect in _effects(step))
        return ReleaseView(
            f"{_INSTANCE}{_key(stream)}", len(taken), 0, (document,), again, True, effects
        )

    async def _found(
        self, name: str, sequence: str, seen: int | None = None
    ) -> tuple[Reacting, str, StreamState]:
        reacting = self._reacting(name)
        stream = reacting.stream(sequence.removeprefix(_INSTANCE))
        state = await self._loaded(stream)
        failure = state.state.failure
        if failure is None or not sequence.startswith(_INSTANCE):
            streams = await self._agenda.stuck_streams([reacting.name], 0, _NEAR)
            known = [f"{_INSTANCE}{_key(one)}" for _, one in streams]
            raise NotFound(f"parked sequence of {name}", sequence, nearest(sequence, known))
        if seen not in (None, failure.last_us):
            raise ParkedChanged(name, sequence)
        return reacting, stream, state

    async def _loaded(self, stream: str) -> StreamState:
        return (await self._system.processes.instances.load([stream]))[stream]

    async def _view(self, process: str, stream: str, instance: Instance) -> ParkedView:
        failure = instance.failure
        assert failure is not None
        failed = await self._system.processes.instances.failed(instance)
        happened = failed.recorded if isinstance(failed, Happened) else None
        return _instance_view(
            process,
            stream,
            failure,
            happened.position if happened else 0,
            happened.type if happened else failure.timer,
        )

    def _reacting(self, name: str) -> Reacting:
        return self._reactings[_named(name)]


class ParkedSendings:
    """Commands that processes have sent and that can't be decided; those behind them wait."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._agenda = system.log.agenda
        self._dispatcher = system.processes.dispatcher

    async def part(
        self, processes: Sequence[str], offset: int, size: int
    ) -> tuple[int, list[ParkedView]]:
        """How many there are, and some."""
        total = sum((await self._agenda.failing(processes)).values())
        found = await self._agenda.failing_commands(processes, offset, max(0, size))
        return total, [_sending_view(one) for one in found]

    async def show(self, reacting: Reacting, sequence: str, limit: int) -> SequenceView:
        """The command, and those behind it."""
        queued = await self._found(reacting, sequence)
        waiting = tuple(
            WaitingView(0, one.operation, one.stream, _sent_at(one), _plain(one.data))
            for one in queued[:limit]
        )
        return SequenceView(_sending_view(queued[0]), queued[0].error, waiting, len(queued))

    async def rehearse(
        self, reacting: Reacting, sequence: str, discarding: Discarding | None
    ) -> ReleaseView:
        """What would come of the first one that stays; the others may depend on it."""
        queued = await self._found(reacting, sequence)
        left_out = _left_out(queued, discarding)
        if left_out == len(queued):
            return ReleaseView(sequence, 0, left_out, (), None, True)
        first = queued[left_out]
        effects: list[EffectView] = []
        try:
            command = self._dispatcher.command(first)
            decided = await self._system.commands.rehearse_queued(command, first)
        except Exception as exc:
            again = _sending_view(msgspec.structs.replace(first, error=told(exc)))
            return ReleaseView(sequence, 0, left_out, (), again, True)
        if decided.refusal is not None:
            kind = type(decided.refusal).__name__
            effects.append(EffectView("refusal", kind, str(decided.refusal)))
        for event in decided.append.all_events:
            effects.append(EffectView("event", event.type, _plain(event.data)))
        return ReleaseView(sequence, 1, left_out, (), None, True, tuple(effects))

    async def release(self, reacting: Reacting, sequence: str, seen: int | None) -> ReleaseView:
        """Send them now, in their order."""
        queued = await self._found(reacting, sequence, seen)
        return await self._sent(sequence, queued)

    async def discard(
        self, reacting: Reacting, sequence: str, discarding: Discarding, seen: int | None
    ) -> ReleaseView:
        """Their outcome is that they failed, and why; the process is not told."""
        queued = await self._found(reacting, sequence, seen)
        left_out = _left_out(queued, discarding)
        # The one that fails goes last: without it those behind it would begin to flow.
        for one in reversed(queued[:left_out]):
            failure = msgspec.structs.replace(
                CommandFailure.left_out(discarding.actor, discarding.reason),
                lane=f"{_PREFIX}{reacting.name}",
                error=one.error,
                attempts=one.attempts,
            )
            if not await self._system.commands.leave_out(one, failure):
                raise ParkedChanged(f"{_PREFIX}{reacting.name}", sequence)
        sent = await self._sent(sequence, queued[left_out:])
        return msgspec.structs.replace(sent, discarded=left_out)

    async def _sent(self, sequence: str, queued: Sequence[QueuedCommand]) -> ReleaseView:
        effects: list[EffectView] = []
        for one in queued:
            try:
                await self._dispatcher.send(one)
            except Exception as exc:
                await self._dispatcher.postpone(one, exc)
                again = msgspec.structs.replace(one, attempts=one.attempts + 1, error=told(exc))
                return ReleaseView(
                    sequence, len(effects), 0, (), _sending_view(again), True, tuple(effects)
                )
            effects.append(EffectView("command", one.operation, _plain(one.data)))
        return ReleaseView(sequence, len(effects), 0, (), None, True, tuple(effects))

    async def _found(
        self, reacting: Reacting, sequence: str, seen: int | None = None
    ) -> Sequence[QueuedCommand]:
        stream = reacting.stream(sequence.removeprefix(_SENDING))
        queued = (await self._agenda.queued([stream])).get(stream, ())
        name = f"{_PREFIX}{reacting.name}"
        if not queued or not queued[0].attempts:
            failing = await self._agenda.failing_commands([reacting.name], 0, _NEAR)
            known = [f"{_SENDING}{_key(one.stream)}" for one in failing]
            raise NotFound(f"parked sequence of {name}", sequence, nearest(sequence, known))
        if seen not in (None, _seen(queued[0])):
            raise ParkedChanged(name, sequence)
        return queued


def _left_out(queued: Sequence[QueuedCommand], discarding: Discarding | None) -> int:
    if discarding is None:
        return 0
    return len(queued) if discarding.everything else 1


def _failed_again(instance: Instance) -> bool:
    """An instance that goes on with what waited has not tried it yet."""
    return instance.failure is not None and instance.failure.attempts > 0


def _check_failing(instance: Instance, name: str, sequence: str) -> None:
    """Raises ParkedChanged for an instance that goes on: what comes next has not failed."""
    if not _failed_again(instance):
        raise ParkedChanged(name, sequence)


def _document(key: str, before: Instance, after: Instance) -> DocumentView:
    """The state of an instance, field by field."""
    old, new = _plain(before.state) or {}, _plain(after.state) or {}
    fields = field_views(old, new)
    what = "changed" if fields else "unchanged"
    if before.exists != after.exists:
        what = "created" if after.exists else "removed"
    return DocumentView(key, what, fields)


def _effects(step: Step) -> list[EffectView]:
    sent = [EffectView("command", one.operation, _plain(one.data)) for one in step.commands]
    timers = [EffectView("timer", one.name, _timer(one.due_us)) for one in step.timers]
    return sent + timers


def _timer(due_us: int | None) -> str:
    return "cancelled" if due_us is None else moment(due_us).isoformat()


def _instance_view(
    process: str, stream: str, failure: Failure, position: int, event: str
) -> ParkedView:
    return ParkedView(
        f"{_PREFIX}{process}",
        0,
        f"{_INSTANCE}{_key(stream)}",
        "retrying",
        position,
        event,
        stream,
        failure.error,
        failure.cause,
        failure.attempts,
        moment(failure.since_us),
        moment(failure.last_us or failure.since_us),
        moment(failure.retry_us) if failure.retry_us else None,
        True,
        "",
        "",
        failure.last_us,
    )


def _sending_view(queued: QueuedCommand) -> ParkedView:
    sent = _sent_at(queued)
    return ParkedView(
        f"{_PREFIX}{queued.process}",
        0,
        f"{_SENDING}{_key(queued.stream)}",
        "retrying",
        0,
        queued.operation,
        queued.stream,
        queued.error,
        f"{queued.error.partition(':')[0]} in {queued.operation}",
        queued.attempts,
        sent,
        sent,
        moment(queued.due_us),
        True,
        "",
        "",
        _seen(queued),
    )


def _seen(queued: QueuedCommand) -> int:
    """The first command of a lane and how often it was tried: both change with its state."""
    return microseconds(_sent_at(queued)) + queued.attempts


def _sent_at(queued: QueuedCommand) -> datetime:
    """When the step that sent it was taken: its id, a UUIDv7 (RFC 9562), begins with that."""
    milliseconds = UUID(queued.command_id.partition(".")[0]).int >> 80
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def _named(name: str) -> str:
    return name.removeprefix(_PREFIX)


def _key(stream: str) -> str:
    return stream.partition(":")[2]


def _plain(data: Sequence[int] | msgspec.Raw | bytes) -> Any:
    try:
        return msgspec.json.decode(bytes(data))
    except msgspec.MsgspecError:
        return bytes(data).decode("utf-8", "replace")
