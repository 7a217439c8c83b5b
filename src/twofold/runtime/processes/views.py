"""Process managers to look at: how far they are, their instances, and what those went through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from twofold.errors import InvalidInput, NotFound, Problem
from twofold.messages.recorded import Recorded, moment
from twofold.ports.agenda import QueuedCommand
from twofold.ports.log import STORED
from twofold.runtime.nameable import check_nameable
from twofold.runtime.nearest import nearest
from twofold.runtime.processes.instances import Failure, Instance
from twofold.runtime.processes.step_records import Step, read_step
from twofold.runtime.system import System
from twofold.runtime.view import View
from twofold.wiring.reactings import Reacting

STATUSES = ("running", "ended", "stuck")


class ProcessView(View, frozen=True):
    """A process: how far it has read the log, what is due next, why it stands still.

    ``stuck`` counts its instances that are.
    """

    name: str
    position: int
    lag_events: int
    next_timer: datetime | None
    next_command: datetime | None
    stuck: int
    stopped: str


class TimerView(View, frozen=True):
    """A pending timer."""

    name: str
    due: datetime
    data: Any


class CommandView(View, frozen=True):
    """A command on its way; ``error`` is why its last attempt failed."""

    command_id: str
    operation: str
    data: Any
    attempts: int
    error: str
    next_attempt: datetime


class FailureView(View, frozen=True):
    """Why an instance is stuck, and when it tries again; ``waiting`` are positions of events."""

    what: str
    error: str
    attempts: int
    since: datetime
    retry: datetime
    waiting: tuple[int, ...]


class InstanceView(View, frozen=True):
    """An instance; ``status`` is "running", "ended" or "stuck"."""

    process: str
    key: str
    status: str
    state: Any
    seen: int
    timers: tuple[TimerView, ...]
    commands: tuple[CommandView, ...]
    failure: FailureView | None


class InstancePage(View, frozen=True):
    """Instances by key; ``next_cursor`` is where the next page begins."""

    items: tuple[InstanceView, ...]
    size: int
    next_cursor: str | None


class TimerChangeView(View, frozen=True):
    """A timer as a step changed it: set, or cancelled (no ``due``)."""

    name: str
    due: datetime | None
    data: Any


class SentView(View, frozen=True):
    """A command as a step sent it."""

    command_id: str
    operation: str
    data: Any


class StepView(View, frozen=True):
    """A step of an instance: see ``twofold.runtime.processes.step_records.Step``.

    ``state_bytes`` is the size of a state that was too large for the history (0: it is there).
    """

    version: int
    position: int
    time: datetime
    cause: dict[str, Any]
    outcome: str
    error: str
    commands: tuple[SentView, ...]
    timers: tuple[TimerChangeView, ...]
    state: Any
    state_bytes: int


class ProcessViews:
    """Answers what operators ask of the processes of a system."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._reactings = system.wired.reactings
        self._read = system.processes.instances.read

    async def processes(self) -> list[ProcessView]:
        """All of them, in the order of their declaration."""
        agenda, head = self._system.log.agenda, await self._system.log.head()
        known, stopped = await agenda.consumers(), self._system.processes.stopped()
        followers = {f.reacting.name: f.position for f in self._system.processes.followers}
        stuck = await self._system.processes.stuck()
        found = []
        for name in self._reactings:
            saved = known[name].position if name in known else 0
            position = followers.get(name, saved)
            timer, command = await agenda.next_timer([name]), await agenda.next_queue([name])
            found.append(
                ProcessView(
                    name,
                    position,
                    max(0, head - position),
                    None if timer is None else moment(timer),
                    None if command is None else moment(command),
                    stuck[name],
                    stopped.get(name, ""),
                )
            )
        return found

    async def instances(self, process: str, after: str, size: int, status: str) -> InstancePage:
        """A page of instances, those with ``status`` if it is given.

        Raises NotFound, InvalidInput for a status that there is not.
        """
        if status not in ("", *STATUSES):
            raise InvalidInput([Problem("status", f"one of {', '.join(STATUSES)}")])
        reacting = self._reacting(process)
        found: list[tuple[str, Instance]] = []
        stream, more = self._stream(process, after), True
        while more and len(found) < size:
            rows = await self._system.log.agenda.instances(reacting.category, stream, size)
            read = [(stream, self._read(state)) for stream, state in rows]
            found += [one for one in read if status in ("", one[1].status)]
            more = len(rows) == size
            stream = rows[-1][0] if rows else stream
        more = more or len(found) > size
        found = found[:size]
        queued = await self._system.log.agenda.queued([stream for stream, _ in found])
        items = tuple(_instance(process, s, one, queued.get(s, ())) for s, one in found)
        return InstancePage(items, size, items[-1].key if more and items else None)

    async def instance(self, process: str, key: str) -> InstanceView:
        """One instance. Raises NotFound."""
        stream = self._stream(process, key)
        loaded = (await self._system.log.load({stream: STORED}))[stream]
        if loaded.snapshot is None:
            raise NotFound(process, key)
        queued = (await self._system.log.agenda.queued([stream])).get(stream, ())
        return _instance(process, stream, self._read(loaded.snapshot.state), queued)

    async def history(self, process: str, key: str, after: int, limit: int) -> list[StepView]:
        """Steps above the version ``after``, in order. Raises NotFound."""
        stream = self._stream(process, key)
        recorded = await self._system.log.read_stream(stream, after, limit)
        if not recorded and not after:
            raise NotFound(process, key)
        return [_step(one, read_step(one.data)) for one in recorded]

    def _stream(self, process: str, key: str) -> str:
        stream = self._reacting(process).stream(key)
        check_nameable(process, key)
        return stream

    def _reacting(self, process: str) -> Reacting:
        if process not in self._reactings:
            raise NotFound("process", process, nearest(process, self._reactings))
        return self._reactings[process]


def _instance(
    process: str, stream: str, instance: Instance, queued: Sequence[QueuedCommand]
) -> InstanceView:
    timers = sorted(instance.timers.items(), key=lambda item: item[1].due_us)
    return InstanceView(
        process,
        stream.partition(":")[2],
        instance.status,
        _plain(instance.state),
        instance.seen,
        tuple(TimerView(name, moment(t.due_us), _plain(t.data)) for name, t in timers),
        tuple(_command(one) for one in queued),
        _failure(instance.failure, instance.waiting) if instance.failure else None,
    )


def _failure(failure: Failure, waiting: tuple[int, ...]) -> FailureView:
    return FailureView(
        failure.what,
        failure.error,
        failure.attempts,
        moment(failure.since_us),
        moment(failure.retry_us),
        waiting,
    )


def _command(queued: QueuedCommand) -> CommandView:
    return CommandView(
        queued.command_id,
        queued.operation,
        _plain(queued.data),
        queued.attempts,
        queued.error,
        moment(queued.due_us),
    )


def _step(recorded: Recorded, step: Step) -> StepView:
    return StepView(
        recorded.version,
        recorded.position,
        recorded.time,
        msgspec.to_builtins(step.cause),
        step.outcome,
        step.error,
        tuple(SentView(c.command_id, c.operation, _plain(c.data)) for c in step.commands),
        tuple(
            TimerChangeView(t.name, None if t.due_us is None else moment(t.due_us), _plain(t.data))
            for t in step.timers
        ),
        _plain(step.state),
        step.state_bytes,
    )


def _plain(data: Sequence[int] | msgspec.Raw) -> Any:
    return msgspec.json.decode(bytes(data))
