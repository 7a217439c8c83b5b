"""What comes out of a transport, kept in memory for all projections of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from twofold.errors import StoreUnavailable, TwofoldError
from twofold.messages.value import Event
from twofold.ports.read_store import Part
from twofold.ports.time_and_chance import Clock
from twofold.ports.transport import BEGINNING, Channel, Delivery, Reader, Transport
from twofold.runtime.applying import Batch
from twofold.runtime.partitions.arrivals import Arrivals, Arrived
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.partitions.wire import Incoming, NotOurs, Wire
from twofold.runtime.portions import Limit, Portions, size_of
from twofold.runtime.telling import told
from twofold.wiring.event_types import EventTypes

_LOG = structlog.get_logger("twofold.feed")
_FETCH = 2_000
# What is fetched at once may be beyond the limit by this part of it.
_FETCHES = 4
_WAIT_SECONDS = 1.0
_CHECK_SECONDS = 3.0
_PAUSE_SECONDS = 0.5
# How long the rest of what was published together is waited for, unless this many are here.
_REST_SECONDS = 0.005
_MANY = 200

Applied = Mapping[int, Part]
Strange = tuple[Delivery, NotOurs]


class Feed:
    """Reads the partitions that this process holds, once for all its projections.

    Each message tells which position came before it, so what the broker lost, trimmed or never had
    is noticed and read from the log; messages that come again are not taken twice. Reading pauses
    while as many events as ``limit`` says wait for a projection that is at work.

    ``standing`` tells where the projection furthest behind stands in each partition; ``rejected``
    keeps messages that are not ours; nothing that comes after one is given out before it is kept.
    ``why`` says why nothing can be read.
    """

    def __init__(
        self,
        transport: Transport,
        channel: Channel,
        wire: Wire,
        types: EventTypes,
        membership: Membership,
        clock: Clock,
        limit: Limit,
        standing: Callable[[], Awaitable[Applied]],
        rejected: Callable[[Sequence[Strange]], Awaitable[None]],
    ) -> None:
        self.arrivals: dict[int, Arrivals] = {}
        self.why = ""
        self.membership = membership
        self._transport = transport
        self._channel = channel.name
        self._opening = [channel]
        self._wire = wire
        self._types = types
        self._clock = clock
        self._limit = limit
        self._portions = Portions(limit.size_bytes // _FETCHES)
        self._standing = standing
        self._rejected = rejected
        self._needs: dict[str, Applied] = {}
        self._reader: Reader | None = None
        self._more = asyncio.Event()
        self._released = asyncio.Event()
        self._decoded: dict[int, Event] = {}
        self._stopping = False
        self._astray: set[int] = set()

    def stop(self) -> None:
        """Begin nothing new: a driver may swallow the cancellation that follows."""
        self._stopping = True

    async def run(self) -> None:
        """Read until stopped. A broker that fails is asked again."""
        checking = asyncio.create_task(self._check())
        try:
            while not self._stopping:
                try:
                    await self._round()
                    self.why = ""
                except TwofoldError as exc:
                    await self._pause(str(exc))
                except Exception as exc:
                    # A feed that ended would look like a log in which nothing happens.
                    await self._pause(told(exc))
        finally:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
            if self._reader is not None:
                await self._reader.close()

    async def _pause(self, why: str) -> None:
        if not self.why:
            _LOG.error("can't read events", channel=self._channel, why=why)
        self.why = why
        await self._clock.sleep(_PAUSE_SECONDS)

    def needs(self, projection: str, applied: Applied | None) -> None:
        """A projection stands at ``applied``; None: it needs nothing from memory for now."""
        if applied is None:
            self._needs.pop(projection, None)
        else:
            self._needs[projection] = applied
        self._released.set()
        self._released = asyncio.Event()

    async def wait(self, applied: Applied, timeout_seconds: float) -> None:
        """Return when more has arrived than ``applied`` or held partitions have changed."""
        if self._any_goes_on(applied):
            return
        more = self._more
        try:
            async with asyncio.timeout(timeout_seconds):
                await more.wait()
        except TimeoutError:
            return

    async def together(self, applied: Applied) -> None:
        """Wait a moment for the rest of what was published together.

        That reaches every partition, if only as a watermark. Nothing of it is visible before all
        of it is applied, and its beginning, applied by itself, would hold up the rest.
        """
        try:
            async with asyncio.timeout(_REST_SECONDS):
                while self._in_part(applied):
                    await self._more.wait()
        except TimeoutError:
            return

    def _in_part(self, applied: Applied) -> bool:
        held = [self.arrivals[n] for n in applied if n in self.arrivals]
        apart = len({one.known for one in held}) > 1
        return apart and sum(map(len, held)) < _MANY and self._any_goes_on(applied)

    def batch(self, arrived: list[Arrived], begin: int, end: int) -> Batch:
        """Events of several partitions as one batch; each is decoded once for all projections."""
        events = sorted((one.event for one in arrived), key=lambda event: event.position)
        time_us = max((event.time_us for event in events), default=0)
        return Batch(events, self._types, begin, (end, time_us), self._decoded)

    def _any_goes_on(self, applied: Applied) -> bool:
        held = ((self.arrivals.get(n), part.position) for n, part in applied.items())
        return any(one is not None and one.known > position for one, position in held)

    async def _round(self) -> None:
        held = self.membership.held.keys()
        if held != self.arrivals.keys() or self._reader is None:
            await self._follow(set(held))
        if not held:
            await self.membership.change(_WAIT_SECONDS)
            return
        self._release()
        room = self._room()
        if room <= 0:
            await self._wait_for_room()
            return
        assert self._reader is not None
        found = await self._reader.fetch(self._portions.of(min(room, _FETCH)), _WAIT_SECONDS)
        self._portions.came(len(found), size_of(found))
        await self._take(found)
        self._tell()

    async def _follow(self, held: set[int]) -> None:
        """Read the partitions held now: new ones from where their projections are."""
        for gone in self.arrivals.keys() - held:
            del self.arrivals[gone]
        fresh = {n: Arrivals() for n in held - self.arrivals.keys()}
        starts = await self._starts(fresh) if fresh else {}
        going_on = {n: one.offset for n, one in self.arrivals.items()}
        if self._reader is None:
            self._reader = await self._transport.reader(self._channel, going_on)
        else:
            # What is to be read anew has to be left first.
            await self._reader.move(going_on)
        await self._reader.move({**going_on, **starts})
        self.arrivals.update(fresh)
        self._astray -= fresh.keys()

    async def _starts(self, fresh: Mapping[int, Arrivals]) -> dict[int, str]:
        await self._transport.open(self._opening)
        last = await self._transport.last(self._channel)
        standing = await self._standing()
        starts = {}
        for partition, arrivals in fresh.items():
            part = standing.get(partition, Part(0))
            nowhere = partition in self._astray or (part.position and not part.offset)
            starts[partition] = BEGINNING if nowhere else part.offset
            if nowhere and partition in last:
                starts[partition] = self._begin_at(arrivals, last[partition])
        return starts

    def _begin_at(self, arrivals: Arrivals, delivery: Delivery) -> str:
        """Beginning after the newest message; what came before it is read from the log."""
        try:
            arrivals.begin(self._wire.read(delivery).position, delivery.offset)
        except NotOurs:
            return BEGINNING
        return delivery.offset

    async def _take(self, deliveries: Sequence[Delivery]) -> None:
        read: list[tuple[Delivery, Incoming]] = []
        strange: list[Strange] = []
        for delivery in deliveries:
            if delivery.partition not in self.arrivals:
                continue
            try:
                read.append((delivery, self._wire.read(delivery)))
            except NotOurs as exc:
                strange.append((delivery, exc))
        if strange and not await self._kept(strange):
            return
        for delivery, incoming in read:
            # Meanwhile a partition may have been left.
            arrivals = self.arrivals.get(delivery.partition)
            if arrivals is not None:
                arrivals.add(incoming, delivery.offset)

    async def _kept(self, strange: Sequence[Strange]) -> bool:
        """Keep what is not ours, however long that takes; False if this feed stops."""
        while not self._stopping:
            try:
                await self._rejected(strange)
            except StoreUnavailable as exc:
                await self._pause(str(exc))
            else:
                return True
        return False

    def _release(self) -> None:
        """Forget what all projections at work have applied.

        Those that read older events from the log don't hold up the others.
        """
        for partition, arrivals in self.arrivals.items():
            parts = [one[partition] for one in self._needs.values() if partition in one]
            applied = [part.position for part in parts if not arrivals.lacks(part.position)]
            share = len(self.arrivals)
            full = self._limit.left(len(arrivals) * share, arrivals.size_bytes * share) <= 0
            if applied or full:
                for event in arrivals.release(min(applied, default=arrivals.known)):
                    self._decoded.pop(event.position, None)
        if len(self._decoded) > self._limit.events:
            self._decoded.clear()

    def _room(self) -> int:
        kept = self.arrivals.values()
        return self._limit.left(sum(map(len, kept)), sum(one.size_bytes for one in kept))

    async def _wait_for_room(self) -> None:
        released = self._released
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await released.wait()
        except TimeoutError:
            return

    async def _check(self) -> None:
        """Now and then, whether the channel has more than has come: readers may be stuck, and a
        channel that was made anew begins with lower offsets."""
        known: dict[int, int] = {}
        while not self._stopping:
            await self._clock.sleep(_CHECK_SECONDS)
            if self._reader is None or not self.arrivals or self._room() <= 0:
                continue
            try:
                last = await self._transport.last(self._channel)
            except TwofoldError:
                # Reading fails too, and says so.
                continue
            for partition, delivery in last.items():
                self._compare(partition, delivery, known)

    def _compare(self, partition: int, delivery: Delivery, known: dict[int, int]) -> None:
        arrivals = self.arrivals.get(partition)
        if arrivals is None:
            return
        try:
            position = self._wire.read(delivery).position
        except NotOurs:
            return
        if position > arrivals.known == known.get(partition):
            _LOG.warning("reading anew what did not come", partition=partition)
            del self.arrivals[partition]
            self._astray.add(partition)
        else:
            known[partition] = arrivals.known

    def _tell(self) -> None:
        self._more.set()
        self._more = asyncio.Event()
