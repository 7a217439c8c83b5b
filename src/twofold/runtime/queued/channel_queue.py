"""Commands that wait at a broker."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

import msgspec
import structlog

from twofold.errors import (
    BrokerUnavailable,
    KeyReused,
    LeaseLost,
    MessageTooLarge,
    StoreUnavailable,
)
from twofold.messages.recorded import microseconds
from twofold.ports.agenda import Later
from twofold.ports.inbox import Accepted, Rejected
from twofold.ports.leases import Lease
from twofold.ports.log import Log
from twofold.ports.parked_lanes import ParkedLane
from twofold.ports.time_and_chance import Clock
from twofold.ports.transport import (
    Channel,
    Delivery,
    Message,
    Reader,
    Transport,
    partition_of,
)
from twofold.runtime.gathered import Gathered
from twofold.runtime.queued.hands import Hands
from twofold.runtime.queued.place import Place
from twofold.runtime.queued.queue import Taken
from twofold.runtime.queued.seals import Seals
from twofold.runtime.queued.wire import NoCommand, read_command, written_command

_LOG = structlog.get_logger("twofold.commands")
_REMEMBERED_KEYS = 10_000


class ChannelQueue:
    """Over any transport: accepting a command asks nothing of the write database.

    How far each partition's work has come is the mark of its lease. A crash in between makes
    commands come again; their records tell that they are decided.
    """

    def __init__(
        self,
        transport: Transport,
        channel: Channel,
        kind: str,
        log: Log,
        clock: Clock,
        batch: int,
        rejected_limit: int,
    ) -> None:
        self.partitions = channel.partitions
        # Offsets mean something to one kind of broker alone, and so do the marks.
        self.work = f"commands at {kind or 'a broker'}"
        self._channel = channel
        self._transport = transport
        self._log = log
        self._clock = clock
        self._seals = Seals(log.secret)
        self._opened = False
        self._gathered = Gathered[Message, None](self._publish, batch)
        self._keys: OrderedDict[str, str] = OrderedDict()
        self._reader: Reader | None = None
        self._places: dict[int, Place] = {}
        self._in_hand: dict[tuple[int, str], int] = {}
        self._hands = Hands()
        self._fetched: list[Taken] = []
        self._foreign: list[Rejected] = []
        self._rejected_limit = rejected_limit

    async def close(self) -> None:
        """Leave the channel; the transport is closed by whoever opened it."""
        if self._reader is not None:
            await self._reader.close()

    async def accept(self, command: Accepted) -> str:
        """Commands accepted at the same time are published together."""
        if command.key and self._keys.get(command.command_id, command.digest) != command.digest:
            raise KeyReused(command.key)
        await self._open()
        data = msgspec.json.encode(command)
        if len(data) > self._transport.limit_bytes:
            raise MessageTooLarge(command.operation, len(data), self._transport.limit_bytes)
        part = partition_of(command.lane, self.partitions)
        message = written_command(self._seals, self._log.epoch, part, command, data)
        await self._gathered.do(message)
        if command.key:
            self._keys[command.command_id] = command.digest
            if len(self._keys) > _REMEMBERED_KEYS:
                self._keys.popitem(last=False)
        return self._seals.id(command.command_id, command.subject, command.digest)

    async def _open(self) -> None:
        """Create the channel once the broker is there. Raises BrokerUnavailable, -Unsuitable."""
        if not self._opened:
            await self._transport.open([self._channel])
            self._opened = True

    async def _publish(self, messages: Sequence[Message]) -> Sequence[None]:
        await self._transport.publish(self._channel.name, messages)
        return [None] * len(messages)

    async def hold(self, leases: Mapping[int, Lease]) -> None:
        """Go on where the former holder's mark is."""
        await self._open()
        kept = {
            part: place
            for part, place in self._places.items()
            if part in leases and leases[part].token == place.token
        }
        starts = {part: lease.mark for part, lease in leases.items()}
        # What is under way in the partitions that stay ours goes on meanwhile.
        self._places = kept
        self._fetched = [taken for taken in self._fetched if taken.partition in kept]
        if self._reader is None:
            self._places = {}
            self._reader = await self._transport.reader(self._channel.name, starts)
        else:
            try:
                # What was somebody else's meanwhile is read anew from the mark.
                await self._reader.move({part: starts[part] for part in kept})
                await self._reader.move(starts)
            except BrokerUnavailable:
                # Nothing is held then, and the next attempt begins with a new reader.
                self._places = {}
                reader, self._reader = self._reader, None
                await reader.close()
                raise
        self._places |= {
            part: Place(lease) for part, lease in leases.items() if part not in self._places
        }

    def holds(self, taken: Taken) -> bool:
        """By partition."""
        return taken.partition in self._places

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Taken]:
        """What is new in the partitions held; what is no command of ours is kept aside.

        Commands of lanes of which others wait in the inbox go there as well, behind those.
        """
        await self._keep_foreign()
        if self._reader is None:
            return []
        if not self._fetched:
            for delivery in await self._reader.fetch(limit, timeout_seconds):
                self._take(delivery)
            await self._try_keeping_foreign()
        return await self._free() if self._fetched else []

    def _take(self, delivery: Delivery) -> None:
        place = self._places.get(delivery.partition)
        if place is None:
            return
        place.begun(delivery.offset)
        command = self._read(delivery)
        if isinstance(command, Rejected):
            self._foreign.append(command)
        else:
            self._fetched.append(Taken(command, delivery.partition, delivery.offset))

    async def _free(self) -> Sequence[Taken]:
        """Those fetched that may be decided, once the others are in the inbox."""
        self._hands.asks()
        lanes = {taken.command.lane for taken in self._fetched}
        held = await self._log.parked_lanes.held(lanes)
        # Until nothing is moved: while something is, further lanes may be parked.
        while waiting := [taken for taken in self._fetched if self._waits(taken, held)]:
            await self._move(waiting)
        found, self._fetched = self._fetched, []
        for taken in found:
            self._in_hand[taken.partition, taken.offset] = taken.command.accepted_us
            self._hands.take(taken.command.lane)
        return found

    def _waits(self, taken: Taken, held: Collection[str]) -> bool:
        lane = taken.command.lane
        # Where some of the lane is in hand, this goes behind it, in hand as well.
        return self._hands.stopped(lane) or (lane in held and lane not in self._hands)

    async def _move(self, waiting: Sequence[Taken]) -> None:
        """Into the inbox, but for those that have an outcome: a crash made them come again."""
        decided = await self._log.records([taken.command.command_id for taken in waiting])
        await self._log.inbox.accept(
            [
                (partition_of(taken.command.lane, self.partitions), taken.command)
                for taken in waiting
                if taken.command.command_id not in decided
            ]
        )
        moved = {id(taken) for taken in waiting}
        self._fetched = [taken for taken in self._fetched if id(taken) not in moved]
        for taken in waiting:
            self._done(taken)

    def _read(self, delivery: Delivery) -> Accepted | Rejected:
        try:
            return read_command(self._seals, delivery.attributes, delivery.data)
        except NoCommand as exc:
            return self._rejected(delivery, exc.why)

    def _rejected(self, delivery: Delivery, reason: str) -> Rejected:
        _LOG.warning(
            "a message is no command",
            channel=self._channel.name,
            partition=delivery.partition,
            offset=delivery.offset,
            why=reason,
        )
        return Rejected(
            channel=self._channel.name,
            partition=delivery.partition,
            offset=delivery.offset,
            reason=reason,
            attributes=delivery.attributes,
            data=delivery.data,
            time_us=microseconds(self._clock.now()),
        )

    async def _try_keeping_foreign(self) -> None:
        """Commands that came along must not wait for this."""
        try:
            await self._keep_foreign()
        except StoreUnavailable as exc:
            _LOG.warning("rejected messages are kept later", why=str(exc))

    async def _keep_foreign(self) -> None:
        if not self._foreign:
            return
        kept = list(self._foreign)
        left_out = await self._log.inbox.reject(kept, self._rejected_limit)
        if left_out:
            # Anybody can put them there, so they neither fill the database nor stop the commands.
            _LOG.error(
                "messages that are no commands are not kept: there are too many",
                channel=self._channel.name,
                messages=left_out,
            )
        del self._foreign[: len(kept)]
        for message in kept:
            if message.partition in self._places:
                self._places[message.partition].done(message.offset)

    def later(self, command_id: str) -> Later | None:
        """The database knows nothing of it, unless a worker that lost its part has parked it."""
        return Later(settled=(command_id,))

    async def settled(self, taken: Taken, *, now: bool) -> None:
        """The mark may move."""
        self.released(taken)
        self._done(taken)

    def _done(self, taken: Taken) -> None:
        if taken.partition in self._places:
            self._places[taken.partition].done(taken.offset)

    async def park(self, taken: Taken, parked: ParkedLane) -> bool:
        """The command moves into the inbox; the mark goes on without it."""
        part = partition_of(parked.lane, self.partitions)
        if not await self._log.parked_lanes.park(parked, part, taken.command):
            return False
        self._hands.parked(parked.lane)
        await self.settled(taken, now=True)
        return True

    def behind(self, taken: Sequence[Taken]) -> None:
        """The next fetch moves them into the inbox, before what has come since."""
        for one in taken:
            self.released(one)
        self._fetched[:0] = [one for one in taken if self.holds(one)]

    def released(self, taken: Taken) -> None:
        """Whoever holds the partition next reads it again."""
        self._in_hand.pop((taken.partition, taken.offset), None)
        self._hands.leave(taken.command.lane)

    @property
    def unnoted(self) -> bool:
        """Whether a mark or the broker is behind."""
        return any(place.reached != place.forgotten for place in self._places.values())

    async def note(self) -> None:
        """Move the marks, then let the broker forget what lies before them."""
        ahead = {part: p for part, p in self._places.items() if p.reached != p.noted}
        marks = {part: (place.token, place.reached) for part, place in ahead.items()}
        if marks:
            try:
                await self._log.leases.mark(self.work, marks)
            except LeaseLost as lost:
                # The next sharing says so as well; until then nothing more is begun there.
                self._places.pop(lost.part, None)
                return
        for part, place in ahead.items():
            place.noted = marks[part][1]
        await self._forget()

    async def _forget(self) -> None:
        for part, place in list(self._places.items()):
            offset = place.noted
            if offset != place.forgotten:
                try:
                    await self._transport.forget(self._channel.name, part, offset)
                except BrokerUnavailable as exc:
                    _LOG.warning("the broker keeps what is done", why=str(exc))
                    return
                place.forgotten = offset

    async def oldest_us(self) -> int:
        """Of those that this process has in hand; what the broker holds back nobody knows."""
        return min(self._in_hand.values(), default=0)
