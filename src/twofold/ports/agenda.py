"""The agenda: what is still to be done, kept in the write database beside the log.

Timers that will come due, commands that processes have sent and nobody has decided yet, and how
far each process has read the log. Timers and commands are put on it and taken from it by appends
(``twofold.ports.log.Append.later``), in the same transaction as the step that they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

RETRY = "(retry)"
"""The timer by which an instance that is stuck comes back; no class has this name."""


class DueTimer(msgspec.Struct, frozen=True, gc=False):
    """A timer of an instance (``stream``) of ``process``, due ``due_us`` microseconds from 1970."""

    process: str
    stream: str
    name: str
    due_us: int


class QueuedCommand(msgspec.Struct, frozen=True, gc=False):
    """A command on its way. Those of one stream are sent in the order of (version, number).

    ``version`` is that of the step it belongs to. It is not tried before ``due_us``;
    ``attempts`` and ``error`` tell of those that failed for a reason other than a refusal.
    """

    command_id: str
    process: str
    stream: str
    version: int
    number: int
    operation: str
    data: bytes
    correlation_id: str
    trace: str
    due_us: int
    attempts: int = 0
    error: str = ""


class Later(msgspec.Struct, frozen=True):
    """What an append puts on the agenda and takes off it.

    ``cancelled`` are names of the append's own stream's timers; ``dequeued`` are command ids, and
    ``settled`` those of commands that are taken out of the inbox (``twofold.ports.inbox``). A
    timer set replaces one of the same stream and name; taking off what is not there is no error.
    """

    timers: tuple[DueTimer, ...] = ()
    cancelled: tuple[str, ...] = ()
    enqueued: tuple[QueuedCommand, ...] = ()
    dequeued: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()


class Postponed(msgspec.Struct, frozen=True, gc=False):
    """The command failed with ``error``; its stream is left alone until ``due_us``."""

    command_id: str
    stream: str
    due_us: int
    error: str


class Consumer(msgspec.Struct, frozen=True, gc=False):
    """How far a process has read the log with identity ``epoch``."""

    name: str
    position: int
    epoch: str


class Agenda(Protocol):
    """The port. Every method raises StoreUnavailable when the database does not answer."""

    async def due_timers(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[DueTimer]:
        """At most ``limit`` timers of ``processes`` due at ``until_us``, those due first first."""

    async def next_timer(self, processes: Sequence[str]) -> int | None:
        """When the first timer of ``processes`` is due; None without any."""

    async def pending_timers(self, stream: str) -> Sequence[DueTimer]:
        """All timers of one stream, in the order in which they are due."""

    async def stuck(self) -> Mapping[str, int]:
        """How many streams of each process have the timer ``RETRY``; those without any are left
        out. Read by an index: a probe may ask every few seconds."""

    async def stuck_streams(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[tuple[str, str]]:
        """Process and stream of those, by both names, beyond the first ``offset``."""

    async def due_queues(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[str]:
        """Streams with commands of ``processes`` due at ``until_us``, at most ``limit``."""

    async def next_queue(self, processes: Sequence[str]) -> int | None:
        """When the first queued command of ``processes`` is due; None without any."""

    async def queued(self, streams: Sequence[str]) -> Mapping[str, Sequence[QueuedCommand]]:
        """The queued commands of ``streams`` in their order; streams without any are left out."""

    async def postpone(self, postponed: Sequence[Postponed]) -> None:
        """Count a failed attempt each, and make all commands of the stream due no earlier."""

    async def failing(self, processes: Sequence[str]) -> Mapping[str, int]:
        """How many commands of each process have failed; those without any are left out."""

    async def failing_commands(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[QueuedCommand]:
        """Commands that have failed, by process and stream, beyond the first ``offset``."""

    async def dequeue(self, command_ids: Sequence[str]) -> None:
        """Take commands off the agenda; those that are not on it are no error."""

    async def consumers(self) -> Mapping[str, Consumer]:
        """How far each process has come, by name."""

    async def register(self, consumer: Consumer) -> None:
        """Begin at ``consumer.position``, unless the consumer is known already."""

    async def advance(self, name: str, position: int) -> None:
        """The consumer has read up to ``position``; it never goes back."""

    async def instances(self, category: str, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Streams of a category with their stored state, by name, above the stream ``after``."""
