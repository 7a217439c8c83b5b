"""Steps of process managers: from an instance and a trigger to one append."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.caller import SYSTEM
from twofold.domain.context import Context
from twofold.domain.process import Then
from twofold.domain.reacting import after_changes, react, refusal_reaction
from twofold.errors import ProcessFailed
from twofold.messages.recorded import NewEvent, microseconds
from twofold.ports.agenda import DueTimer, Later, QueuedCommand
from twofold.ports.log import STORED, Append, Snapshot
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.instances import (
    CameDue,
    Happened,
    Instance,
    PendingTimer,
    Trigger,
    WasRefused,
)
from twofold.runtime.streams import StreamState
from twofold.wiring.reactings import Reacting
from twofold.wiring.wired import Wired


class SentCommand(msgspec.Struct, frozen=True, rename="camel"):
    """A command as a step sent it."""

    command_id: str
    operation: str
    data: msgspec.Raw


class TimerChange(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A timer as a step changed it: set, cancelled (no ``due_us``)."""

    name: str
    due_us: int | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class Cause(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a step answers: "event", "timer" or "refusal", with what identifies it."""

    kind: str
    name: str
    position: int = 0
    stream: str = ""
    due_us: int = 0
    command_id: str = ""
    why: str = ""


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """A step as the log has it: why it was taken, what it led to, and the state after it."""

    cause: Cause
    commands: tuple[SentCommand, ...]
    timers: tuple[TimerChange, ...]
    state: Any


class _Origin(msgspec.Struct, frozen=True):
    """Where a step's correlation, causation and trace come from."""

    correlation_id: str
    causation_id: str
    trace: str


class Steps:
    """Takes steps. The instance given is moved on to what it will be if the append holds."""

    def __init__(self, wired: Wired, clock: Clock, chance: Chance, grace_us: int) -> None:
        self._operations = {c: handling.operation for c, handling in wired.handlings.items()}
        self._clock = clock
        self._chance = chance
        self._grace_us = grace_us
        self._encode = msgspec.json.Encoder().encode
        self._timers: dict[tuple[str, str], Any] = {}
        for reacting in wired.reactings.values():
            for reaction in reacting.timers.values():
                for kind in reaction.kinds:
                    decoder = msgspec.json.Decoder(kind)
                    self._timers[reacting.name, kind.__name__] = decoder

    def take(
        self, reacting: Reacting, stream: str, basis: StreamState, trigger: Trigger
    ) -> Append | None:
        """The step that ``trigger`` leads to, None if there is none (any more).

        Raises ProcessFailed, chaining what the reaction raised; then ``basis`` is as it was.
        """
        instance: Instance[Any] = basis.state
        if _is_settled(instance, trigger):
            return None
        key = stream.partition(":")[2]
        try:
            then = self._react(reacting, instance, key, trigger)
            if then is None:
                if isinstance(trigger, Happened):
                    return None
                # A timer is used up, and a refusal is taken note of, though nothing follows.
                then = Then(instance.state)
            return self._append(reacting, stream, basis, trigger, then)
        except Exception as exc:
            raise ProcessFailed(reacting.name, key, _told(trigger)) from exc

    def _react(
        self, reacting: Reacting, instance: Instance[Any], key: str, trigger: Trigger
    ) -> Then[Any] | None:
        context = Context(self._clock.now(), SYSTEM, key, self._chance)
        state, process = instance.state, reacting.process
        if isinstance(trigger, Happened):
            further = {"meta": trigger.recorded, "context": context}
            reaction = reacting.events[trigger.recorded.type]
            return react(process, reaction, state, trigger.event, further)
        if isinstance(trigger, CameDue):
            pending = instance.timers[trigger.name]
            timer = self._timers[process.name, pending.type].decode(pending.data)
            return react(process, reacting.timers[pending.type], state, timer, {"context": context})
        found = refusal_reaction(reacting.refusals.get(type(trigger.command), ()), trigger.refusal)
        return react(
            process,
            found,
            state,
            trigger.command,
            {"refusal": trigger.refusal, "context": context},
        )

    def _append(
        self,
        reacting: Reacting,
        stream: str,
        basis: StreamState,
        trigger: Trigger,
        then: Then[Any],
    ) -> Append:
        instance: Instance[Any] = basis.state
        now = self._clock.now()
        step_id = self._chance.new_id(now)
        origin = _origin(instance, trigger, step_id)
        version = basis.version + 1
        commands = tuple(
            SentCommand(
                f"{step_id}.{number}",
                self._operation(command),
                msgspec.Raw(self._encode(command)),
            )
            for number, command in enumerate(then.commands, 1)
        )
        timers = dict(instance.timers)
        if isinstance(trigger, CameDue):
            del timers[trigger.name]
        changes = self._change(timers, then, step_id, origin)
        after = Instance(
            then.state,
            trigger.recorded.position if isinstance(trigger, Happened) else instance.seen,
            timers,
        )
        event = NewEvent(
            step_id,
            stream,
            version,
            f"{reacting.category}.Step",
            1,
            microseconds(now),
            origin.correlation_id,
            origin.causation_id,
            SYSTEM.subject,
            origin.trace,
            self._encode(Step(_cause(trigger), commands, tuple(changes), then.state)),
        )
        later = Later(
            tuple(
                DueTimer(reacting.name, stream, change.name, change.due_us)
                for change in changes
                if change.due_us is not None
            ),
            (
                *(change.name for change in changes if change.due_us is None),
                *((trigger.name,) if isinstance(trigger, CameDue) else ()),
            ),
            self._queued(reacting.name, stream, version, commands, origin, microseconds(now)),
            (trigger.queued.command_id,) if isinstance(trigger, WasRefused) else (),
        )
        snapshot = Snapshot(version, 0, STORED, self._encode(after))
        append = Append(stream, basis.version, (event,), None, snapshot, later=later)
        # Last, when nothing can fail any more: the instance's next step is taken on this state.
        basis.state, basis.version = after, version
        return append

    def _operation(self, command: Any) -> str:
        operation = self._operations.get(type(command))
        if operation is None:
            raise TypeError(f"it sends {type(command).__name__}, which no aggregate decides")
        return operation

    def _change(
        self,
        timers: dict[str, PendingTimer],
        then: Then[Any],
        step_id: str,
        origin: _Origin,
    ) -> list[TimerChange]:
        """Move ``timers`` on; what changed, for the record."""
        changes = []
        for name, given in after_changes(then, timers).items():
            if given is None:
                del timers[name]
                changes.append(TimerChange(name))
                continue
            data = msgspec.Raw(self._encode(given.timer))
            due_us = microseconds(given.at)
            timers[name] = PendingTimer(
                type(given.timer).__name__,
                due_us,
                data,
                origin.correlation_id,
                step_id,
                origin.trace,
            )
            changes.append(TimerChange(name, due_us, data))
        return changes

    def _queued(
        self,
        process: str,
        stream: str,
        version: int,
        commands: tuple[SentCommand, ...],
        origin: _Origin,
        now_us: int,
    ) -> tuple[QueuedCommand, ...]:
        # Whoever takes the step sends at once; others look after the commands only if they are
        # still there after the grace.
        return tuple(
            QueuedCommand(
                command.command_id,
                process,
                stream,
                version,
                number,
                command.operation,
                bytes(command.data),
                origin.correlation_id,
                origin.trace,
                now_us + self._grace_us,
            )
            for number, command in enumerate(commands, 1)
        )


def _is_settled(instance: Instance[Any], trigger: Trigger) -> bool:
    """Whether the instance has taken its step on this already."""
    if isinstance(trigger, Happened):
        return trigger.recorded.position <= instance.seen
    if isinstance(trigger, CameDue):
        pending = instance.timers.get(trigger.name)
        return pending is None or pending.due_us != trigger.due_us
    # Of refusals the agenda knows: their command is on it until the step is taken.
    return False


def _origin(instance: Instance[Any], trigger: Trigger, step_id: str) -> _Origin:
    if isinstance(trigger, Happened):
        recorded = trigger.recorded
        return _Origin(recorded.correlation_id or recorded.id, recorded.id, recorded.trace)
    if isinstance(trigger, CameDue):
        pending = instance.timers[trigger.name]
        return _Origin(pending.correlation_id, pending.causation_id, pending.trace)
    queued = trigger.queued
    return _Origin(queued.correlation_id, queued.command_id, queued.trace)


def _cause(trigger: Trigger) -> Cause:
    if isinstance(trigger, Happened):
        recorded = trigger.recorded
        return Cause("event", recorded.type, recorded.position, recorded.stream)
    if isinstance(trigger, CameDue):
        return Cause("timer", trigger.name, due_us=trigger.due_us)
    queued = trigger.queued
    return Cause(
        "refusal", queued.operation, command_id=queued.command_id, why=str(trigger.refusal)
    )


def _told(trigger: Trigger) -> str:
    if isinstance(trigger, Happened):
        return f"{trigger.recorded.type} at position {trigger.recorded.position}"
    if isinstance(trigger, CameDue):
        return f"the timer {trigger.name}"
    return f"the refusal of {trigger.queued.operation}"
