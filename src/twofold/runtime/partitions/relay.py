"""The relay: publishes the log's events, in order, to a transport."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from twofold.errors import LeaseLost, TwofoldError
from twofold.messages.recorded import Recorded
from twofold.ports.leases import Leases
from twofold.ports.time_and_chance import Chance, Clock
from twofold.ports.transport import Channel, Message, Transport
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.ending import AtHand
from twofold.runtime.partitions.channel_check import ChannelCheck
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.partitions.wire import Wire
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.tail import Tail
from twofold.runtime.telling import told

_LOG = structlog.get_logger("twofold.relay")
GROUP = "relay"
_MARK_SECONDS = 0.2
_LONGEST_REST_SECONDS = 0.02


class Published(msgspec.Struct, frozen=True):
    """Up to where all is published, and the last position in each partition."""

    position: int = 0
    last: tuple[int, ...] = ()

    @classmethod
    def of(cls, mark: str) -> Published:
        """What a lease's mark says."""
        return msgspec.json.decode(mark, type=cls) if mark else cls()


class _Portion(msgspec.Struct, frozen=True):
    """Consecutive events as messages, and what is published once all are acknowledged."""

    messages: Sequence[Message]
    published: Published
    full: bool


class Relay:
    """Publishes while it holds the lease of the group "relay": one of all copies at a time.

    What is published is marked a little later, so after a crash some events are published again.
    So they are if a paused process believes too long that it is the one; readers tell copies by
    their positions. ``why`` says why nothing is published.
    """

    def __init__(
        self,
        tail: Tail,
        transport: Transport,
        channel: Channel,
        wire: Wire,
        membership: Membership,
        leases: Leases,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self.published = Published()
        self.why = ""
        self.at_hand = AtHand()
        self._tail = tail
        self._transport = transport
        self._channel = channel.name
        self._wire = wire
        self._membership = membership
        self._leases = leases
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._check = ChannelCheck(transport, channel, wire, clock, settings.max_event_bytes)
        self._marked_at = clock.monotonic()
        self._marked = Published()
        self._marking: asyncio.Future[None] | None = None
        self._token = 0
        self._failures = 0
        self._stopping = False

    @property
    def leads(self) -> bool:
        """Whether this copy is the one that publishes, as far as it knows."""
        return bool(self._membership.held)

    def stop(self) -> None:
        """Finish the batch at hand and end."""
        self._stopping = True

    async def run(self) -> None:
        """Publish until stopped. Whatever fails is reported and tried again."""
        with self.at_hand.working():
            while not self._stopping:
                try:
                    if not self.leads:
                        with self.at_hand.resting():
                            await self._membership.change(self._settings.poll_seconds)
                        continue
                    try:
                        await self._lead()
                    finally:
                        await self._end_marking()
                        await self._check.end()
                except LeaseLost:
                    await self._membership.renew()
                except TwofoldError as exc:
                    await self._pause(str(exc))
                except Exception as exc:
                    await self._pause(told(exc))

    async def _lead(self) -> None:
        """From where the mark stands, as long as the lease is ours."""
        lease = self._membership.held[0]
        self._resume(lease.token, lease.mark)
        await self._tell_of_loss(await self._check.now(self.published.last))
        portion = await self._next(self.published)
        while not self._stopping and self._holds(lease.token):
            if portion.messages:
                portion = await self._publish_and_go_on(portion)
                await self._mark_now_and_then(lease.token)
            else:
                self._recovered()
                await self._rest()
                portion = await self._next(self.published)
                if not portion.messages:
                    await self._mark(lease.token)
                    await self._tell_of_loss(await self._check.beside(self.published.last))
        await self._mark(lease.token)

    async def _rest(self) -> None:
        """A mark is written when nothing else is to be done, but not much later.

        Ended without one, the next copy would publish again what this one has published.
        """
        if self.published != self._marked:
            await self._tail.wait(self.published.position, _MARK_SECONDS)
        else:
            with self.at_hand.resting():
                await self._tail.wait(self.published.position, self._settings.poll_seconds)

    async def _publish_and_go_on(self, portion: _Portion) -> _Portion:
        """Under load the next portion is made ready while one is published; else it gathers."""
        if not portion.full:
            begun = self._clock.monotonic()
            await self._publish(portion)
            # Every portion is a request for each partition: the dearer these are to the broker, the
            # more should go with one.
            took = self._clock.monotonic() - begun
            await self._clock.sleep(min(took, _LONGEST_REST_SECONDS))
            return await self._next(portion.published)
        coming = asyncio.ensure_future(self._next(portion.published))
        try:
            await self._publish(portion)
            return await coming
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _next(self, after: Published) -> _Portion:
        """What follows in the log; without messages at its end."""
        limit = self._settings.relay_batch
        events = (await self._tail.after(after.position, limit)).events
        if not events:
            return _Portion((), after, full=False)
        messages, last = self._messages(events, after.last)
        return _Portion(messages, Published(events[-1].position, last), len(events) == limit)

    def _holds(self, token: int) -> bool:
        lease = self._membership.held.get(0)
        return lease is not None and lease.token == token

    def _resume(self, token: int, mark: str) -> None:
        if token == self._token:
            # Nobody else has published meanwhile, and the mark may be older than what we know.
            return
        self._token = token
        marked = Published.of(mark)
        last = marked.last
        if len(last) != self._wire.partitions:
            # All before is published, in as many partitions as there were then.
            last = (marked.position,) * self._wire.partitions
        self.published = self._marked = Published(marked.position, last)

    async def _tell_of_loss(self, partitions: Sequence[int]) -> None:
        """A broker that came back without the newest messages leaves readers no way to know.

        So they are told by watermarks that speak of nothing before themselves: they ask the log.
        """
        last = self.published.last
        if partitions:
            watermarks = [self._wire.watermark(n, last[n], last[n]) for n in partitions]
            await self._transport.publish(self._channel, watermarks)

    async def _publish(self, portion: _Portion) -> None:
        await self._transport.publish(self._channel, portion.messages)
        self.published = portion.published
        self._recovered()

    def _messages(
        self, events: Sequence[Recorded], before: Sequence[int]
    ) -> tuple[list[Message], tuple[int, ...]]:
        """The events, then a watermark for each partition in which the last of them is not."""
        last = list(before)
        messages = []
        for event in events:
            partition = self._wire.partition(event.stream)
            messages.append(self._wire.message(event, partition, last[partition]))
            last[partition] = event.position
        end = events[-1].position
        for partition, position in enumerate(last):
            if position < end:
                messages.append(self._wire.watermark(partition, end, position))
                last[partition] = end
        return messages, tuple(last)

    async def _mark_now_and_then(self, token: int) -> None:
        """Under load, beside the publishing: a commit takes longer than a batch."""
        if self._marking is not None and self._marking.done():
            marking, self._marking = self._marking, None
            await marking
        due = self._clock.monotonic() - self._marked_at >= _MARK_SECONDS
        if due and self._marking is None:
            self._marking = asyncio.ensure_future(self._write_mark(token))

    async def _end_marking(self) -> None:
        """What was not marked is published again by whoever goes on."""
        if self._marking is not None:
            self._marking.cancel()
            await asyncio.gather(self._marking, return_exceptions=True)
            self._marking = None

    async def _mark(self, token: int) -> None:
        """Note what is published. Raises LeaseLost."""
        if self._marking is not None:
            marking, self._marking = self._marking, None
            await marking
        if self.published != self._marked:
            await self._write_mark(token)

    async def _write_mark(self, token: int) -> None:
        published, self._marked_at = self.published, self._clock.monotonic()
        mark = msgspec.json.encode(published).decode()
        await self._leases.mark(GROUP, {0: (token, mark)})
        self._marked = published

    async def _pause(self, why: str) -> None:
        if not self._failures:
            _LOG.error("nothing is published", channel=self._channel, why=why)
        self.why = why
        self._failures += 1
        with self.at_hand.resting():
            await self._clock.sleep(pause_seconds(self._failures, self._settings, self._chance))

    def _recovered(self) -> None:
        if self._failures:
            _LOG.info("publishing goes on", channel=self._channel)
            self._failures, self.why = 0, ""
