"""Growing the tree of what a command came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from twofold.messages.recorded import Recorded, moment
from twofold.ports.log import CommandRecord
from twofold.runtime.explaining.concerns import concerned
from twofold.runtime.explaining.finding import Finding
from twofold.runtime.explaining.views import (
    CommandNode,
    EventNode,
    RowView,
    SearchedView,
    StepNode,
    TimerNode,
)
from twofold.runtime.parking.sequences import of_document, of_stream, parked_of, parked_table
from twofold.runtime.processes.step_records import SentCommand, Step, read_step
from twofold.runtime.refusals import read_refusal
from twofold.runtime.sending import REFUSED
from twofold.runtime.system import System
from twofold.wiring.foldings import Folding

_MOST_NODES = 300
_MOST_STEPS = 1_000


class Growing:
    """Grows one tree, up to a number of nodes."""

    def __init__(self, system: System, finding: Finding) -> None:
        self.cut = False
        self._system = system
        self._finding = finding
        self._nodes = 0
        self._streams: dict[str, Sequence[tuple[Recorded, Step]]] = {}

    async def command(
        self, command_id: str, near: int = 0, sent: SentCommand | None = None, stream: str = ""
    ) -> CommandNode:
        """A command; ``near`` is a position of one of its events, ``sent`` how a step sent it."""
        log = self._system.log
        record = (await log.records([command_id])).get(command_id)
        where = record.position if record and record.position else near
        events: Sequence[Recorded] = ()
        if where and self._more():
            events = await self._finding.of_command(command_id, where)
        nodes = [await self._event(one) for one in events if self._more()]
        answered = None
        if stream:
            answered = await self._step(stream, ("refusal", command_id))
        first = events[0] if events else None
        return CommandNode(
            command_id,
            record.operation if record else sent.operation if sent else "",
            record.status if record else "succeeded" if events else "waits" if sent else "unknown",
            _told(record),
            (record.subject if record else "") or (first.actor if first else ""),
            moment(record.time_us) if record else first.time if first else None,
            tuple(nodes),
            answered,
        )

    def _more(self) -> bool:
        self._nodes += 1
        self.cut = self.cut or self._nodes > _MOST_NODES
        return not self.cut

    async def _event(self, recorded: Recorded) -> EventNode:
        rows, searched = await self._concerned(recorded)
        return EventNode(
            recorded.position,
            recorded.id,
            recorded.type,
            recorded.stream,
            recorded.time,
            recorded.actor,
            _plain(recorded.data),
            tuple(rows),
            tuple(searched),
            tuple(await self._steps_after(recorded)),
        )

    async def _concerned(self, recorded: Recorded) -> tuple[list[RowView], list[SearchedView]]:
        rows, searched = [], []
        for applier in self._system.appliers:
            folding = applier.projection
            if not isinstance(folding, Folding) or recorded.type not in folding.folds:
                continue
            try:
                event = self._system.wired.events.decode(recorded)
                found = concerned(folding, recorded, event)
            except Exception:
                # What this code can't read waits as a stream, and the console's list tells of it.
                continue
            for key in found.keys:
                state = await self._state(applier.table, recorded, key)
                rows.append(RowView(applier.name, key, state))
            searched += [SearchedView(applier.name, *one) for one in found.searched]
        return rows, searched

    async def _state(self, table: str, recorded: Recorded, key: str) -> str:
        checkpoint = self._system.progress.checkpoint(table)
        if checkpoint.parked:
            for sequence in (of_document(key), of_stream(recorded.stream)):
                raw = await self._system.read_store.get(parked_table(table), sequence)
                if raw is not None and parked_of(raw).position <= recorded.position:
                    return "waits"
        return "applied" if recorded.position <= checkpoint.position else "not-yet"

    async def _steps_after(self, recorded: Recorded) -> list[StepNode]:
        found = []
        for reacting in self._system.wired.reactings.values():
            reaction = reacting.events.get(recorded.type)
            if reaction is None:
                continue
            try:
                event = self._system.wired.events.decode(recorded)
                key = reaction.key(event, recorded) if reaction.key else recorded.stream_id
            except Exception:
                # The instance that is stuck on it says so itself.
                continue
            if key is None:
                continue
            step = await self._step(reacting.stream(key), ("event", recorded.position))
            if step is not None:
                found.append(step)
        return found

    async def _step(self, stream: str, cause: tuple[object, ...]) -> StepNode | None:
        """The step that answers ``cause``: of one that failed before it was taken, the last."""
        for recorded, step in reversed(await self._history(stream)):
            if _cause_of(step) == cause and step.outcome != "waits":
                return await self._step_node(recorded, step) if self._more() else None
        return None

    async def _step_node(self, recorded: Recorded, step: Step) -> StepNode:
        commands = [
            await self.command(one.command_id, 0, one, recorded.stream)
            for one in step.commands
            if self._more()
        ]
        timers = []
        for timer in step.timers:
            if timer.due_us is not None:
                cause = "timer", timer.name, timer.due_us
                fired = await self._step(recorded.stream, cause)
                timers.append(TimerNode(timer.name, moment(timer.due_us), fired))
        return StepNode(
            recorded.category.removeprefix("process-"),
            recorded.stream_id,
            recorded.version,
            recorded.position,
            recorded.time,
            step.outcome,
            step.error,
            tuple(commands),
            tuple(timers),
        )

    async def _history(self, stream: str) -> Sequence[tuple[Recorded, Step]]:
        if stream not in self._streams:
            events = await self._system.log.read_stream(stream, 0, _MOST_STEPS)
            self._streams[stream] = [(one, read_step(one.data)) for one in events]
            self.cut = self.cut or len(events) == _MOST_STEPS
        return self._streams[stream]


def _told(record: CommandRecord | None) -> str:
    if record is None or record.status != REFUSED:
        return ""
    return str(read_refusal(record.answer))


def _plain(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.MsgspecError:
        return data.decode("utf-8", "replace")


def _cause_of(step: Step) -> tuple[object, ...]:
    cause = step.cause
    if cause.kind == "event":
        return "event", cause.position
    if cause.kind == "timer":
        return "timer", cause.name, cause.due_us
    return "refusal", cause.command_id
