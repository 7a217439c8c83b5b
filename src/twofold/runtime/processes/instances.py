"""Instances of processes as they are kept, and what makes them take steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from twofold.errors import CorruptEvent, ProcessFailed, UnknownEvent
from twofold.messages.recorded import Recorded
from twofold.messages.value import Command, Event
from twofold.ports.agenda import RETRY, QueuedCommand
from twofold.ports.log import STORED, Log
from twofold.runtime.refusals import Refusal
from twofold.runtime.streams import StreamState
from twofold.wiring.event_types import EventTypes

NOTHING = msgspec.Raw(b"null")


class PendingTimer(msgspec.Struct, frozen=True, rename="camel"):
    """A timer that an instance waits for; the ids and the trace are those of its step."""

    type: str
    due_us: int
    data: msgspec.Raw
    correlation_id: str
    causation_id: str
    trace: str


class Failure(msgspec.Struct, frozen=True, rename="camel"):
    """Why an instance is stuck: on ``what``; ``timer`` names the timer that it is, if it is one.

    ``cause`` is the same for failures at the same place of the code.
    """

    what: str
    error: str
    attempts: int
    since_us: int
    retry_us: int
    timer: str = ""
    last_us: int = 0
    cause: str = ""
    traceback: str = ""


class Instance(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What an instance remembers. ``seen`` is the position of the last event it has on record.

    While there is a ``failure`` nothing overtakes what failed: events wait (``waiting`` has their
    positions, the failed one first), and timers are off the agenda.
    """

    state: msgspec.Raw = NOTHING
    seen: int = 0
    timers: dict[str, PendingTimer] = {}
    waiting: tuple[int, ...] = ()
    failure: Failure | None = None

    @property
    def exists(self) -> bool:
        """Whether it has begun and not ended."""
        return bytes(self.state) != b"null"

    @property
    def status(self) -> str:
        """ "running", "ended" or "stuck"."""
        if self.failure is not None:
            return "stuck"
        return "running" if self.exists else "ended"

    def on_agenda(self) -> dict[str, int]:
        """The timers that the agenda has of it, with the time at which they are due."""
        if self.failure is not None:
            return {RETRY: self.failure.retry_us}
        return {name: timer.due_us for name, timer in self.timers.items()}


class Happened(msgspec.Struct, frozen=True):
    """A step may be due because of an event; None where it can't be decoded and is left out."""

    recorded: Recorded
    event: Event | None

    def __str__(self) -> str:
        return f"{self.recorded.type} at position {self.recorded.position}"


class CameDue(msgspec.Struct, frozen=True):
    """A step may be due because the timer ``name``, set to ``due_us``, has come due."""

    name: str
    due_us: int

    def __str__(self) -> str:
        return f"the timer {self.name}"


class WasRefused(msgspec.Struct, frozen=True):
    """A step may be due because a command was refused."""

    queued: QueuedCommand
    command: Command
    refusal: Refusal

    def __str__(self) -> str:
        return f"the refusal of {self.queued.operation}"


class Retried(msgspec.Struct, frozen=True):
    """What a stuck instance failed on is to be tried again."""

    trigger: Happened | CameDue

    def __str__(self) -> str:
        return str(self.trigger)


class LeftOut(msgspec.Struct, frozen=True):
    """What a stuck instance failed on is to be left out, by ``actor`` for ``reason``.

    ``everything``: what waits behind it too. Nothing happens if it has failed again since ``seen``.
    """

    trigger: Happened | CameDue
    actor: str
    reason: str
    seen: int
    everything: bool = False

    def __str__(self) -> str:
        return str(self.trigger)


Reactable: TypeAlias = Happened | CameDue | WasRefused | Retried
Trigger: TypeAlias = Reactable | LeftOut


class Instances:
    """Loads instances, any number in one query."""

    def __init__(self, log: Log, types: EventTypes) -> None:
        self._log = log
        self._types = types
        self._decode = msgspec.json.Decoder(Instance).decode

    def read(self, state: bytes) -> Instance:
        """An instance as it was stored."""
        return self._decode(state)

    async def load(self, streams: Iterable[str]) -> dict[str, StreamState]:
        """The instances of ``streams``, new ones included."""
        loaded = await self._log.load(dict.fromkeys(streams, STORED))
        found = {}
        for stream, content in loaded.items():
            kept = content.snapshot
            if kept is None:
                found[stream] = StreamState(Instance(), 0, 0)
            else:
                found[stream] = StreamState(self.read(kept.state), kept.version, kept.position)
        return found

    async def retried(self, process: str, key: str, instance: Instance) -> Retried | None:
        """What a stuck instance is to try next, None if it is not stuck. Raises ProcessFailed."""
        failed = await self.failed(instance)
        if failed is None or isinstance(failed, CameDue):
            return Retried(failed) if failed else None
        recorded = failed.recorded
        try:
            return Retried(Happened(recorded, self._types.decode(recorded)))
        except (CorruptEvent, UnknownEvent) as exc:
            raise ProcessFailed(process, key, str(failed)) from exc

    async def failed(self, instance: Instance) -> Happened | CameDue | None:
        """What an instance is stuck on, an event without its content."""
        failure = instance.failure
        if failure is None:
            return None
        if failure.timer:
            return CameDue(failure.timer, instance.timers[failure.timer].due_us)
        (recorded,) = await self._log.read(instance.waiting[0] - 1, 1)
        return Happened(recorded, None)
