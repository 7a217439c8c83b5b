"""Steps as the log has them: the history of an instance."""

from __future__ import annotations

from typing import Literal

import msgspec

from twofold.runtime.processes.instances import (
    CameDue,
    Happened,
    Instance,
    LeftOut,
    Retried,
    Trigger,
)

# A state that grows with what an instance looks after would make every step as large as all of it.
LARGEST_STATE_BYTES = 2_048


class SentCommand(msgspec.Struct, frozen=True, rename="camel"):
    """A command as a step sent it."""

    command_id: str
    operation: str
    data: msgspec.Raw


class TimerChange(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A timer as a step changed it: set, or cancelled (no ``due_us``)."""

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


class Step(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A step: why it was taken, what it led to, and the state after it.

    A state of more than ``LARGEST_STATE_BYTES`` is left out: of it there is ``state_bytes``, its
    size. ``outcome`` is "failed" where the reaction raised (``error``), "waits" for what came
    after that and has to wait, and "discarded" where somebody left it out (``error`` says who, and
    why).
    """

    cause: Cause
    state: msgspec.Raw
    commands: tuple[SentCommand, ...] = ()
    timers: tuple[TimerChange, ...] = ()
    outcome: Literal["taken", "failed", "waits", "discarded"] = "taken"
    error: str = ""
    state_bytes: int = 0


class Origin(msgspec.Struct, frozen=True):
    """Where a step's correlation, causation and trace come from."""

    correlation_id: str
    causation_id: str
    trace: str


def origin_of(instance: Instance, trigger: Trigger) -> Origin:
    """The ids that a step on ``trigger`` carries on."""
    if isinstance(trigger, Retried | LeftOut):
        return origin_of(instance, trigger.trigger)
    if isinstance(trigger, Happened):
        recorded = trigger.recorded
        return Origin(recorded.correlation_id or recorded.id, recorded.id, recorded.trace)
    if isinstance(trigger, CameDue):
        pending = instance.timers[trigger.name]
        return Origin(pending.correlation_id, pending.causation_id, pending.trace)
    queued = trigger.queued
    return Origin(queued.correlation_id, queued.command_id, queued.trace)


def cause_of(trigger: Trigger) -> Cause:
    """``trigger`` for the record."""
    if isinstance(trigger, Retried | LeftOut):
        return cause_of(trigger.trigger)
    if isinstance(trigger, Happened):
        recorded = trigger.recorded
        return Cause("event", recorded.type, recorded.position, recorded.stream)
    if isinstance(trigger, CameDue):
        return Cause("timer", trigger.name, due_us=trigger.due_us)
    queued = trigger.queued
    why = f"{type(trigger.refusal).__name__}: {trigger.refusal}"
    return Cause("refusal", queued.operation, command_id=queued.command_id, why=why)


def for_record(step: Step) -> Step:
    """The step as the log keeps it."""
    size = len(bytes(step.state))
    if size <= LARGEST_STATE_BYTES:
        return step
    return msgspec.structs.replace(step, state=msgspec.Raw(b"null"), state_bytes=size)


def told(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}"


def read_step(data: bytes) -> Step:
    """A step as it was recorded."""
    return msgspec.json.decode(data, type=Step)
