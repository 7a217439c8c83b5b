"""Where accepted commands wait: what a queue promises to those who accept and those who work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from twofold.ports.agenda import Later
from twofold.ports.inbox import Accepted
from twofold.ports.leases import Lease
from twofold.ports.parked_lanes import ParkedLane


class Taken(NamedTuple):
    """A command in a worker's hands, and where it was."""

    command: Accepted
    partition: int
    offset: str = ""


class CommandQueue(Protocol):
    """A queue in partitions. Who works on which is decided by leases of the group ``work``.

    A command that was accepted comes to a worker at least once, those of one lane in order, until
    a worker says that its outcome is recorded. Commands of a lane that is parked wait in the write
    database, wherever they were, and what comes later waits behind them.
    """

    @property
    def work(self) -> str:
        """The name of the group in which workers share the partitions."""

    @property
    def partitions(self) -> int:
        """How many there are."""

    async def close(self) -> None:
        """Release everything."""

    async def accept(self, command: Accepted) -> str:
        """Keep the command; answers the id by which its sender may ask for it.

        When it returns, the command survives a crash. Accepting it again changes nothing. Raises
        KeyReused, MessageTooLarge, StoreUnavailable.
        """

    async def hold(self, leases: Mapping[int, Lease]) -> None:
        """Work on these partitions from now on, and on no others."""

    def holds(self, taken: Taken) -> bool:
        """Whether the partition that it came from is still ours."""

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Taken]:
        """At most ``limit`` commands, as soon as there are any. Raises StoreUnavailable."""

    def later(self, command_id: str) -> Later | None:
        """What the transaction that records the outcome takes off."""

    async def settled(self, taken: Taken, *, now: bool) -> None:
        """The outcome is recorded: ``now`` with ``later``, or it had been before."""

    async def park(self, taken: Taken, parked: ParkedLane) -> bool:
        """The lane stands still with this command; False if that has an outcome after all.

        Commands of the lane that are in hand go ``behind`` it. Raises StoreUnavailable.
        """

    def behind(self, taken: Sequence[Taken]) -> None:
        """Commands go back undecided, to wait in their order behind one that was parked."""

    def released(self, taken: Taken) -> None:
        """The command goes back undecided."""

    @property
    def unnoted(self) -> bool:
        """Whether ``note`` has something to write."""

    async def note(self) -> None:
        """Write down how far the work has come. Raises StoreUnavailable."""

    async def oldest_us(self) -> int:
        """Since when the oldest command waits as far as is known, 0 if none does."""
