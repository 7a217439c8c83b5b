"""The log: the system of record, an ordered sequence of events.

Rules that every adapter keeps, and ``twofold.testing.conformance`` proves:

* Position order is commit order. Whoever has read position p never later meets a new position
  below p. Positions start at 1 and have no gaps. Within a stream, positions follow versions.
* A transaction is all or nothing: events, command records, snapshots, changes of the agenda and
  whatever a read store wrote within it.
* In a batch of appends, a version conflict or a duplicate fails its own append and those to the
  same stream after it, which may have been decided on it; no others.
* The log has an identity (``epoch``) that a restored or new database does not share.
* ``wait`` is a hint with a time limit; a lost notification delays, it never blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias

import msgspec

from twofold.messages.recorded import NewEvent, Recorded
from twofold.ports.agenda import Agenda, Later
from twofold.ports.inbox import Inbox
from twofold.ports.leases import Leases
from twofold.ports.parked_lanes import ParkedLanes
from twofold.ports.tallies import Tallies

STORED = "state"
"""The ``fold`` of snapshots that are not the fold of a stream but the stored state itself."""


class CommandRecord(msgspec.Struct, frozen=True, gc=False):
    """What a command came to, kept so that the same command is answered the same way again.

    ``answer`` is the encoded result or problem; ``digest`` identifies the payload; ``position`` is
    what a reader must have applied to see the effect (0: nothing to wait for). ``subject`` is who
    sent it, "" for nobody known; ``identity`` the aggregate it was for.
    """

    command_id: str
    operation: str
    digest: str
    status: str
    answer: bytes
    position: int
    time_us: int
    subject: str = ""
    identity: str = ""


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """An aggregate's state at a version. ``fold`` is the fingerprint of the code that made it.

    On appending, ``position`` is replaced by that of the append's last event.
    """

    version: int
    position: int
    fold: str
    state: bytes


class Append(msgspec.Struct, frozen=True):
    """Everything one command changes. ``events`` may be empty: then the version is checked only.

    ``begins`` are the first events of other streams whose ids were made for this append; they
    stand in the log after ``events``. ``record.position`` is replaced by the last position of
    ``events`` where there are any. With ``fresh`` the record's id was made for this append, so
    that no record of it can exist. ``later`` is what changes on the agenda in the same
    transaction.
    """

    stream: str
    expected_version: int
    events: tuple[NewEvent, ...]
    record: CommandRecord | None = None
    snapshot: Snapshot | None = None
    begins: tuple[NewEvent, ...] = ()
    fresh: bool = False
    later: Later | None = None

    @property
    def all_events(self) -> tuple[NewEvent, ...]:
        """Everything that takes a position, in order."""
        return self.events + self.begins if self.begins else self.events


class Appended(msgspec.Struct, frozen=True, gc=False):
    """The append holds. ``last_position`` is that of its last event (0 without events)."""

    last_position: int


class Conflict(msgspec.Struct, frozen=True, gc=False):
    """The stream is not at the expected version."""

    actual_version: int


class Duplicate(msgspec.Struct, frozen=True, gc=False):
    """A record with this command id exists."""

    record: CommandRecord


AppendOutcome: TypeAlias = Appended | Conflict | Duplicate


class Loaded(msgspec.Struct, frozen=True):
    """A stream's snapshot, if one with the fold asked for exists, and the events after it."""

    snapshot: Snapshot | None
    events: Sequence[Recorded]


class LogTransaction(Protocol):
    """One transaction of the write database, holding the order of the log until it ends."""

    @property
    def connection(self) -> Any:
        """The driver's own connection, for rows that a team keeps itself."""

    async def append(self, batch: Sequence[Append]) -> Sequence[AppendOutcome]:
        """Append in order; outcome i belongs to append i. Raises StoreUnavailable, StoreFull."""


class Log(Protocol):
    """The port. Every method raises StoreUnavailable when the database does not answer."""

    @property
    def epoch(self) -> str:
        """The log's identity, fixed when its database was made. Known after ``open``."""

    @property
    def secret(self) -> bytes:
        """A random key kept in the database, which signs tokens and cursors."""

    @property
    def agenda(self) -> Agenda:
        """What is still to be done, in the same database."""

    @property
    def leases(self) -> Leases:
        """Who does which part of the work that processes share, in the same database."""

    @property
    def inbox(self) -> Inbox:
        """Commands that are accepted and not decided yet, in the same database."""

    @property
    def parked_lanes(self) -> ParkedLanes:
        """Those of its lanes that stand still, in the same database."""

    @property
    def tallies(self) -> Tallies:
        """What all processes counted, in the same database."""

    async def open(self) -> None:
        """Connect and bring the schema up to date."""

    async def close(self) -> None:
        """Release everything; safe to call twice."""

    def transaction(self) -> AbstractAsyncContextManager[LogTransaction]:
        """Begin; commits at the end of the block, rolls back if it raises."""

    async def read(
        self, after: int, limit: int, types: frozenset[str] | None = None
    ) -> Sequence[Recorded]:
        """At most ``limit`` events above position ``after``, in order, of ``types`` if given."""

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[Recorded]:
        """At most ``limit`` events of one stream above a version, in order."""

    async def load(self, folds: Mapping[str, str]) -> Mapping[str, Loaded]:
        """Streams to their content. ``folds`` maps each stream to its fold's fingerprint."""

    async def records(self, command_ids: Sequence[str]) -> Mapping[str, CommandRecord]:
        """The records that exist among ``command_ids``."""

    async def failed(self, offset: int, limit: int) -> Sequence[CommandRecord]:
        """Records with the status "failed", the latest first."""

    async def count_failed(self) -> int:
        """How many there are."""

    async def head(self) -> int:
        """The last position, 0 when empty."""

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there may be events above ``after``, at the latest after the timeout."""

    async def take_numbers(self, name: str, count: int) -> int:
        """Reserve ``count`` consecutive numbers of the series ``name``; answers the first (≥ 1).

        Never answers a number twice; a crash may leave numbers unused.
        """
