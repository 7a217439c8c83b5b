"""Commands that wait at a broker."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from twofold.errors import (
    BrokerUnavailable,
    KeyReused,
    LeaseLost,
    MessageTooLarge,
    StoreUnavailable,
    TwofoldError,
)
from twofold.messages.recorded import microseconds, moment
from twofold.ports.agenda import Later
from twofold.ports.inbox import Accepted, Rejected
from twofold.ports.leases import Lease
from twofold.ports.log import Log
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
from twofold.runtime.queued.queue import Taken
from twofold.runtime.queued.seals import Seals

_LOG = structlog.get_logger("twofold.commands")
_SEAL = "seal"
_REMEMBERED_KEYS = 10_000


class NoCommand(TwofoldError):
    """A message in the channel of commands that is none of this system's; ``why`` says so."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the message is no command of this system: {why}")


def read_command(seals: Seals, attributes: Mapping[str, str], data: bytes) -> Accepted:
    """The command in a message. Raises NoCommand."""
    seal = attributes.get(_SEAL, "")
    if not hmac.compare_digest(seal.encode(), seals.of_message(data).encode()):
        source = attributes.get("source", "nobody known")
        raise NoCommand(f"not sealed by this system; it is of {source}")
    try:
        return msgspec.json.decode(data, type=Accepted)
    except msgspec.MsgspecError as exc:
        raise NoCommand(f"it can't be read: {exc}") from exc


class _Place:
    """How far the work on one partition has come: offsets in order, with whether each is done."""

    def __init__(self, lease: Lease) -> None:
        self.token = lease.token
        self.noted = self.reached = lease.mark
        self.forgotten = lease.mark
        self._under_way: dict[str, bool] = {}

    def begun(self, offset: str) -> None:
        """A message came."""
        self._under_way.setdefault(offset, False)

    def done(self, offset: str) -> None:
        """Everything up to the first one under way has been reached."""
        if offset in self._under_way:
            self._under_way[offset] = True
        for first in list(self._under_way):
            if not self._under_way[first]:
                return
            del self._under_way[first]
            self.reached = first


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
        self._places: dict[int, _Place] = {}
        self._in_hand: dict[tuple[int, str], int] = {}
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
        await self._gathered.do(self._message(command, data))
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

    def _message(self, command: Accepted, data: bytes) -> Message:
        attributes = {
            "specversion": "1.0",
            "id": command.command_id,
            "source": f"urn:twofold:{self._log.epoch}",
            "type": command.operation,
            "subject": command.lane,
            "time": moment(command.accepted_us).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            _SEAL: self._seals.of_message(data),
        }
        if command.trace:
            attributes["traceparent"] = command.trace
        return Message(partition_of(command.lane, self.partitions), command.lane, attributes, data)

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
            part: _Place(lease) for part, lease in leases.items() if part not in self._places
        }

    def holds(self, taken: Taken) -> bool:
        """By partition."""
        return taken.partition in self._places

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Taken]:
        """What is new in the partitions held; what is no command of ours is kept aside."""
        await self._keep_foreign()
        if self._reader is None:
            return []
        found = []
        for delivery in await self._reader.fetch(limit, timeout_seconds):
            place = self._places.get(delivery.partition)
            if place is None:
                continue
            place.begun(delivery.offset)
            command = self._read(delivery)
            if isinstance(command, Rejected):
                self._foreign.append(command)
            else:
                taken = Taken(command, delivery.partition, delivery.offset)
                self._in_hand[taken.partition, taken.offset] = command.accepted_us
                found.append(taken)
        await self._try_keeping_foreign()
        return found

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
        """The database knows nothing of it."""
        return None

    async def settled(self, taken: Taken, *, now: bool) -> None:
        """The mark may move."""
        self._in_hand.pop((taken.partition, taken.offset), None)
        if taken.partition in self._places:
            self._places[taken.partition].done(taken.offset)

    def released(self, taken: Taken) -> None:
        """Whoever holds the partition next reads it again."""
        self._in_hand.pop((taken.partition, taken.offset), None)

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
