"""The inbox: commands that were accepted and are not decided yet, kept in the write database.

A command is taken out of it in the transaction that records its outcome
(``twofold.ports.agenda.Later.settled``). Beside them lie messages that came over a broker and
could not be taken for commands, until somebody has looked at them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A command with everything that deciding it takes.

    Those of one ``lane`` are decided one after another: the aggregate that it is for, or the
    command's own id where it begins one. ``data`` is the command as JSON, ``digest`` identifies it
    where it came under an idempotency ``key``. ``subject``, ``name`` and ``roles`` are the
    caller's.
    """

    command_id: str
    lane: str
    operation: str
    data: msgspec.Raw
    accepted_us: int
    digest: str = ""
    key: str = ""
    subject: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()
    correlation_id: str = ""
    trace: str = ""


class Dismissal(msgspec.Struct, frozen=True):
    """Somebody's decision that nothing is to come of a rejected message."""

    reason: str
    by: str
    time_us: int


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A message from which nothing followed: where it was found, why, and what it was.

    Channel, partition and offset identify it.
    """

    channel: str
    partition: int
    offset: str
    reason: str
    attributes: Mapping[str, str]
    data: bytes
    time_us: int
    dismissed: Dismissal | None = None


class Depth(msgspec.Struct, frozen=True):
    """How many commands wait, since when the oldest one that workers may take (0: none), how many
    messages were rejected and not dismissed, and how many lanes are parked or tried again.
    """

    waiting: int
    oldest_us: int
    rejected: int
    parked: int = 0


class Inbox(Protocol):
    """The port. Every method raises StoreUnavailable when the database does not answer."""

    async def accept(self, commands: Sequence[tuple[int, Accepted]]) -> Mapping[str, Accepted]:
        """Keep commands, each in its partition; answers those whose id was in the inbox before.

        When it returns, they survive a crash. A partition's commands keep their order.
        """

    async def waiting(
        self, partitions: Sequence[int], without: Sequence[str], limit: int, timeout_seconds: float
    ) -> Sequence[Accepted]:
        """At most ``limit`` commands in the order in which they came, as soon as there are any.

        ``without`` are the ids of those that the caller has in hand. Those of lanes that are
        parked (``twofold.ports.parked_lanes``) are left out. None after the timeout.
        """

    async def find(self, command_ids: Sequence[str]) -> Mapping[str, Accepted]:
        """Those that are in the inbox, by id."""

    async def settle(self, command_ids: Sequence[str]) -> None:
        """Take commands out; those that are not there are no error.

        A lane that was parked with one of them is so no more.
        """

    async def depth(self) -> Depth:
        """How much there is."""

    async def reject(self, messages: Sequence[Rejected], limit: int = 0) -> int:
        """Keep messages from which nothing follows; the same one again is kept once.

        With a ``limit``, about so many of a channel are kept that are not dismissed. Answers how
        many were left out.
        """

    async def rejected(self, limit: int, *, dismissed: bool = False) -> Sequence[Rejected]:
        """The latest that are not dismissed, or those that are; the newest first."""

    async def find_rejected(self, channel: str, partition: int, offset: str) -> Rejected | None:
        """One of them, dismissed or not."""

    async def dismiss(self, message: Rejected, dismissal: Dismissal) -> bool:
        """Note that nothing is to come of it; False if it is gone or dismissed already."""

    async def release(self, message: Rejected) -> bool:
        """Something came of it after all: it is kept no more. False if it is gone already."""
