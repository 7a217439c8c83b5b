"""Instances of processes as they are kept: what they remember, and the steps they took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from twofold.errors import ProcessFailed
from twofold.messages.recorded import Recorded
from twofold.messages.value import Command, Event
from twofold.ports.agenda import QueuedCommand
from twofold.ports.log import STORED, Log
from twofold.runtime.streams import StreamState
from twofold.wiring.reactings import Reacting

S = TypeVar("S")


class PendingTimer(msgspec.Struct, frozen=True, rename="camel"):
    """A timer that an instance waits for; the ids and the trace are those of its step."""

    type: str
    due_us: int
    data: msgspec.Raw
    correlation_id: str
    causation_id: str
    trace: str


class Instance(msgspec.Struct, Generic[S], frozen=True, rename="camel"):
    """What an instance remembers. ``seen`` is the position of the last event it took a step on."""

    state: S | None = None
    seen: int = 0
    timers: dict[str, PendingTimer] = {}


class Happened(msgspec.Struct, frozen=True):
    """A step is due because of an event."""

    recorded: Recorded
    event: Event


class CameDue(msgspec.Struct, frozen=True):
    """A step is due because the timer ``name``, set to ``due_us``, has come due."""

    name: str
    due_us: int


class WasRefused(msgspec.Struct, frozen=True):
    """A step is due because a command was refused."""

    queued: QueuedCommand
    command: Command
    refusal: Any


Trigger = Happened | CameDue | WasRefused


class Instances:
    """Loads instances, any number in one query."""

    def __init__(self, log: Log, reactings: Mapping[str, Reacting]) -> None:
        self._log = log
        self._decoders = {
            reacting.category: msgspec.json.Decoder(Instance[reacting.process.state_type])  # type: ignore[name-defined]
            for reacting in reactings.values()
        }

    async def load(self, streams: Iterable[str]) -> dict[str, StreamState]:
        """The instances of ``streams``, new ones included. Raises ProcessFailed."""
        loaded = await self._log.load(dict.fromkeys(streams, STORED))
        found = {}
        for stream, content in loaded.items():
            kept = content.snapshot
            if kept is None:
                found[stream] = StreamState(Instance(), 0, 0)
            else:
                found[stream] = StreamState(self.read(stream, kept.state), kept.version, 0)
        return found

    def read(self, stream: str, state: bytes) -> Instance[Any]:
        """An instance as it was stored. Raises ProcessFailed if it does not fit today's types."""
        category, _, key = stream.partition(":")
        try:
            instance: Instance[Any] = self._decoders[category].decode(state)
        except msgspec.MsgspecError as exc:
            process = category.removeprefix("process-")
            raise ProcessFailed(process, key, "reading its state") from exc
        return instance
