"""Commands that wait in the write database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.errors import KeyReused
from twofold.ports.agenda import Later
from twofold.ports.inbox import Accepted
from twofold.ports.leases import Lease
from twofold.ports.log import Log
from twofold.ports.parked_lanes import ParkedLane
from twofold.ports.transport import partition_of
from twofold.runtime.gathered import Gathered
from twofold.runtime.queued.hands import Hands
from twofold.runtime.queued.queue import Taken


class InboxQueue:
    """Over the log's inbox: the transaction that records an outcome takes the command out."""

    work = "commands"

    def __init__(self, log: Log, partitions: int, batch: int) -> None:
        self.partitions = partitions
        self._log = log
        self._gathered = Gathered[Accepted, Accepted | None](self._keep, batch)
        self._held: frozenset[int] = frozenset()
        self._in_hand: set[str] = set()
        self._hands = Hands()

    async def close(self) -> None:
        """The log is closed by whoever opened it."""

    async def accept(self, command: Accepted) -> str:
        """Commands accepted at the same time share a transaction."""
        known = await self._gathered.do(command)
        if known is not None and known.digest != command.digest:
            raise KeyReused(command.key)
        if command.key and known is None:
            await self._check_decided(command)
        return command.command_id

    async def _check_decided(self, command: Accepted) -> None:
        """A record that is there now was there before: a command leaves with its record."""
        records = await self._log.records([command.command_id])
        record = records.get(command.command_id)
        if record is None:
            return
        await self._log.inbox.settle([command.command_id])
        if record.digest != command.digest:
            raise KeyReused(command.key)

    async def _keep(self, commands: Sequence[Accepted]) -> Sequence[Accepted | None]:
        placed = [(partition_of(one.lane, self.partitions), one) for one in commands]
        known: dict[str, Accepted] = dict(await self._log.inbox.accept(placed))
        found: list[Accepted | None] = []
        for one in commands:
            found.append(known.get(one.command_id))
            # Sent twice at the same time: the first of the batch is the one that was kept.
            known.setdefault(one.command_id, one)
        return found

    async def hold(self, leases: Mapping[int, Lease]) -> None:
        """Nothing to move."""
        self._held = frozenset(leases)

    def holds(self, taken: Taken) -> bool:
        """By partition."""
        return taken.partition in self._held

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Taken]:
        """What is in the inbox and not in hand."""
        held, in_hand = sorted(self._held), sorted(self._in_hand)
        self._hands.asks()
        found = [
            one
            for one in await self._log.inbox.waiting(held, in_hand, limit, timeout_seconds)
            if not self._hands.stopped(one.lane)
        ]
        for one in found:
            self._in_hand.add(one.command_id)
            self._hands.take(one.lane)
        return [Taken(one, partition_of(one.lane, self.partitions)) for one in found]

    def later(self, command_id: str) -> Later | None:
        """The command leaves the inbox."""
        return Later(settled=(command_id,))

    async def settled(self, taken: Taken, *, now: bool) -> None:
        """Take out what an earlier outcome has left there."""
        if not now:
            await self._log.inbox.settle([taken.command.command_id])
        self.released(taken)

    async def park(self, taken: Taken, parked: ParkedLane) -> bool:
        """The command stays where it is."""
        if not await self._log.parked_lanes.park(parked, taken.partition, taken.command):
            return False
        self._hands.parked(parked.lane)
        self.released(taken)
        return True

    def behind(self, taken: Sequence[Taken]) -> None:
        """They are where they are to wait."""
        for one in taken:
            self.released(one)

    def released(self, taken: Taken) -> None:
        """It is found again."""
        self._in_hand.discard(taken.command.command_id)
        self._hands.leave(taken.command.lane)

    @property
    def unnoted(self) -> bool:
        """What is done is gone."""
        return False

    async def note(self) -> None:
        """Nothing to write."""

    async def oldest_us(self) -> int:
        """As the inbox knows."""
        return (await self._log.inbox.depth()).oldest_us
