"""Steps of process managers: from an instance and a trigger to one append."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from twofold.domain.caller import SYSTEM
from twofold.domain.context import Context
from twofold.domain.process import Then
from twofold.domain.reacting import after_changes
from twofold.errors import ProcessFailed
from twofold.messages.recorded import NewEvent, microseconds
from twofold.messages.value import Command
from twofold.ports.agenda import DueTimer, Later, QueuedCommand
from twofold.ports.log import STORED, Append, Snapshot
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.parking.sequences import cause_of as cause_of_error
from twofold.runtime.parking.sequences import traceback_text
from twofold.runtime.processes.instances import (
    NOTHING,
    CameDue,
    Failure,
    Happened,
    Instance,
    LeftOut,
    PendingTimer,
    Retried,
    Trigger,
    WasRefused,
)
from twofold.runtime.processes.reactions import Reactions
from twofold.runtime.processes.step_records import (
    Origin,
    SentCommand,
    Step,
    TimerChange,
    cause_of,
    for_record,
    origin_of,
    told,
)
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.streams import StreamState
from twofold.wiring.reactings import Reacting
from twofold.wiring.wired import Wired


class _Led(msgspec.Struct, frozen=True):
    """What a step leads to, ready to be written. Without ``step`` there is nothing to tell."""

    after: Instance
    origin: Origin
    step: Step | None
    dequeued: tuple[str, ...] = ()


class Steps:
    """Takes steps. The instance given is moved on to what it will be if the append holds."""

    def __init__(
        self, wired: Wired, clock: Clock, chance: Chance, settings: RuntimeSettings
    ) -> None:
        self._operations = {c: handling.operation for c, handling in wired.handlings.items()}
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._encode = msgspec.json.Encoder().encode
        self._reactions = Reactions(wired)

    def take(
        self, reacting: Reacting, stream: str, basis: StreamState, trigger: Trigger
    ) -> Append | None:
        """The step that ``trigger`` leads to, None if there is none (any more).

        Where a reaction raises, the step is to be stuck. Raises ProcessFailed for a refusal that
        can't be taken note of now.
        """
        instance: Instance = basis.state
        if _is_settled(instance, trigger):
            return None
        now = self._clock.now()
        step_id = self._chance.new_id(now)
        led = self._led(reacting, stream.partition(":")[2], instance, trigger, now, step_id)
        return self._append(reacting, stream, basis, led, now, step_id) if led else None

    def _led(
        self,
        reacting: Reacting,
        key: str,
        instance: Instance,
        trigger: Trigger,
        now: datetime,
        step_id: str,
    ) -> _Led | None:
        if isinstance(trigger, LeftOut):
            return _left_out(instance, trigger)
        stuck = instance.failure is not None and not isinstance(trigger, Retried)
        if stuck and isinstance(trigger, Happened):
            return _waits(instance, trigger)
        if stuck and isinstance(trigger, WasRefused):
            raise ProcessFailed(reacting.name, key, f"{trigger}: the instance is stuck")
        try:
            context = Context(now, SYSTEM, key, self._chance)
            then = self._reactions.run(reacting, instance, trigger, context)
            if then is None and isinstance(trigger, Happened):
                return None
            return self._taken(instance, trigger, then, step_id)
        except Exception as exc:
            if isinstance(trigger, WasRefused):
                raise ProcessFailed(reacting.name, key, str(trigger)) from exc
            return self._failed(instance, trigger, exc, now)

    def _taken(
        self, instance: Instance, trigger: Trigger, then: Then[Any] | None, step_id: str
    ) -> _Led:
        """``then`` may be None: a timer is used up, a refusal taken note of, nothing follows."""
        origin = origin_of(instance, trigger)
        before = _without(instance, trigger)
        if then is None:
            return _Led(before, origin, Step(cause_of(trigger), before.state), _ids(trigger))
        commands = tuple(
            SentCommand(
                f"{step_id}.{number}",
                self._operation(command),
                msgspec.Raw(self._encode(command)),
            )
            for number, command in enumerate(then.commands, 1)
        )
        timers = dict(before.timers)
        changes = self._change(timers, then, step_id, origin)
        state = NOTHING if then.state is None else msgspec.Raw(self._encode(then.state))
        after = msgspec.structs.replace(before, state=state, timers=timers)
        step = Step(cause_of(trigger), state, commands, changes)
        return _Led(after, origin, step, _ids(trigger))

    def _failed(
        self,
        instance: Instance,
        trigger: Happened | CameDue | Retried,
        error: Exception,
        now: datetime,
    ) -> _Led:
        known, why = instance.failure, told(error)
        now_us = microseconds(now)
        attempts = known.attempts + 1 if known and known.what == str(trigger) else 1
        pause = pause_seconds(attempts, self._settings, self._chance)
        subject = trigger.trigger if isinstance(trigger, Retried) else trigger
        failure = Failure(
            str(trigger),
            why,
            attempts,
            known.since_us if known else now_us,
            now_us + int(pause * 1e6),
            subject.name if isinstance(subject, CameDue) else "",
            now_us,
            cause_of_error(error),
            traceback_text(error),
        )
        after = msgspec.structs.replace(instance, failure=failure)
        if isinstance(trigger, Happened):
            position = trigger.recorded.position
            after = msgspec.structs.replace(after, seen=position, waiting=(position,))
        step = Step(cause_of(trigger), instance.state, outcome="failed", error=why)
        # The history tells of it once, however often the same fails again.
        return _Led(after, origin_of(instance, trigger), None if attempts > 1 else step)

    def _append(
        self,
        reacting: Reacting,
        stream: str,
        basis: StreamState,
        led: _Led,
        now: datetime,
        step_id: str,
    ) -> Append:
        version = basis.version + (led.step is not None)
        events: tuple[NewEvent, ...] = ()
        if led.step is not None:
            event = NewEvent(
                step_id,
                stream,
                version,
                f"{reacting.category}.Step",
                1,
                microseconds(now),
                led.origin.correlation_id,
                led.origin.causation_id,
                SYSTEM.subject,
                led.origin.trace,
                self._encode(for_record(led.step)),
            )
            events = (event,)
        before, after = basis.state.on_agenda(), led.after.on_agenda()
        changed = [name for name, due_us in after.items() if before.get(name) != due_us]
        later = Later(
            tuple([DueTimer(reacting.name, stream, name, after[name]) for name in changed]),
            tuple([name for name in before if name not in after]),
            self._queued(reacting.name, stream, version, led, now),
            led.dequeued,
        )
        snapshot = Snapshot(version, basis.position, STORED, self._encode(led.after))
        append = Append(stream, basis.version, events, None, snapshot, later=later)
        # Last, when nothing can fail any more: the instance's next step is taken on this state.
        basis.state, basis.version = led.after, version
        return append

    def _operation(self, command: Command) -> str:
        operation = self._operations.get(type(command))
        if operation is None:
            raise TypeError(f"it sends {type(command).__name__}, which no aggregate decides")
        return operation

    def _change(
        self, timers: dict[str, PendingTimer], then: Then[Any], step_id: str, origin: Origin
    ) -> tuple[TimerChange, ...]:
        """Move ``timers`` on; what changed, for the record."""
        changes = []
        for name, given in after_changes(then, timers).items():
            if given is None:
                del timers[name]
                changes.append(TimerChange(name))
                continue
            data, due_us = msgspec.Raw(self._encode(given.timer)), microseconds(given.at)
            kind = type(given.timer).__name__
            timers[name] = PendingTimer(
                kind, due_us, data, origin.correlation_id, step_id, origin.trace
            )
            changes.append(TimerChange(name, due_us, data))
        return tuple(changes)

    def _queued(
        self, process: str, stream: str, version: int, led: _Led, now: datetime
    ) -> tuple[QueuedCommand, ...]:
        commands = led.step.commands if led.step else ()
        if not commands:
            return ()
        # Whoever takes the step sends at once; others look after the commands only if they are
        # still there after the grace.
        due_us = microseconds(now) + int(self._settings.dispatch_grace_seconds * 1e6)
        return tuple(
            QueuedCommand(
                command.command_id,
                process,
                stream,
                version,
                number,
                command.operation,
                bytes(command.data),
                led.origin.correlation_id,
                led.origin.trace,
                due_us,
            )
            for number, command in enumerate(commands, 1)
        )


def _is_settled(instance: Instance, trigger: Trigger) -> bool:
    """Whether the instance has taken its step on this already, or will be told of it again."""
    if isinstance(trigger, Happened):
        return trigger.recorded.position <= instance.seen
    if isinstance(trigger, CameDue):
        return instance.on_agenda().get(trigger.name) != trigger.due_us
    if isinstance(trigger, LeftOut):
        return instance.failure is None or instance.failure.last_us != trigger.seen
    # Of refusals the agenda knows: their command is on it until the step is taken.
    return False


def _waits(instance: Instance, trigger: Happened) -> _Led:
    position = trigger.recorded.position
    after = msgspec.structs.replace(instance, seen=position, waiting=(*instance.waiting, position))
    step = Step(cause_of(trigger), instance.state, outcome="waits")
    return _Led(after, origin_of(instance, trigger), step)


def _left_out(instance: Instance, trigger: LeftOut) -> _Led:
    after = _without(instance, trigger)
    why = f"{trigger.actor}: {trigger.reason}"
    if trigger.everything:
        if after.waiting:
            why += f" (and {len(after.waiting):,} events that waited)"
        after = msgspec.structs.replace(after, waiting=(), failure=None)
    step = Step(cause_of(trigger), after.state, outcome="discarded", error=why)
    return _Led(after, origin_of(instance, trigger), step)


def _without(instance: Instance, trigger: Trigger) -> Instance:
    """The instance once ``trigger`` is done with; one that was stuck goes on with what waits."""
    if isinstance(trigger, Happened):
        return msgspec.structs.replace(instance, seen=trigger.recorded.position)
    subject = trigger.trigger if isinstance(trigger, Retried | LeftOut) else trigger
    timers, waiting, failure = instance.timers, instance.waiting, instance.failure
    if isinstance(subject, CameDue):
        timers = {name: timer for name, timer in timers.items() if name != subject.name}
    elif isinstance(subject, Happened):
        waiting = waiting[1:]
    if failure is not None and not waiting:
        failure = None
    elif failure is not None:
        # At once, and each time as a timer of its own: one that is found again has come to nothing.
        # Who has seen the former failure must not leave out what waits behind it.
        failure = msgspec.structs.replace(
            failure, attempts=0, retry_us=len(waiting), timer="", last_us=failure.last_us + 1
        )
    return msgspec.structs.replace(instance, timers=timers, waiting=waiting, failure=failure)


def _ids(trigger: Trigger) -> tuple[str, ...]:
    return (trigger.queued.command_id,) if isinstance(trigger, WasRefused) else ()
