"""A channel of a connection: questions with answers, messages confirmed, messages delivered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from twofold.adapters.rabbitmq.link import Link
from twofold.adapters.rabbitmq.wire import (
    ACK,
    DELIVER,
    HEADER,
    METHOD,
    NACK,
    RETURN,
    body_size,
    commands,
    frame,
    published,
)
from twofold.errors import BrokerUnavailable
from twofold.ports.transport import Message

ANSWER_SECONDS = 10.0
_WRITTEN_TOGETHER = 200
_DONE = (200, "done", 0, 0)


class Refusal(Exception):
    """The broker closed a channel: what was asked for can't be done."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


class Arrived(NamedTuple):
    """A delivered message, its properties still encoded, with its consumer's tag and its own."""

    consumer: str
    tag: int
    header: bytes
    body: bytes


class _Call:
    """Messages published together that are not all confirmed yet."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self.done = done
        self.left = 0

    def confirmed(self) -> None:
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Channel:
    """Of no use any more once it or its connection failed. Waiting for it is bounded."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.number = link.join(self)
        self.arrived: deque[Arrived] = deque()
        self._refusal: Refusal | None = None
        self._waiting: set[asyncio.Future[Any]] = set()
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[Any] | None = None
        self._more: asyncio.Future[None] | None = None
        self._method = self._header = b""
        self._body: list[bytes] = []
        self._body_left = 0
        self._published = self._confirmed = 0
        self._unconfirmed: dict[int, _Call] = {}

    @property
    def usable(self) -> bool:
        """Whether neither it nor its connection failed."""
        return self._refusal is None and not self.link.failure

    async def ask(self, method: Any) -> Any:
        """The answer to ``method``. Raises Refusal, BrokerUnavailable."""
        async with self._asking:
            self._check()
            self._answer = asyncio.get_running_loop().create_future()
            self.link.write(frame.marshal(method, self.number))
            try:
                return await self._outcome(self._answer, ANSWER_SECONDS)
            except TimeoutError as exc:
                self.link.fail("it does not answer in time")
                raise BrokerUnavailable(self.link.name, self.link.failure) from exc
            except asyncio.CancelledError:
                # The answer would be taken for that to the next question.
                self._leave("a question was given up")
                raise

    async def close(self) -> None:
        """Leave; safe to call twice."""
        if self.usable:
            await self.ask(commands.Channel.Close(*_DONE))

    async def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Publish into queues and wait until all are confirmed.

        Raises BrokerUnavailable if one is not, or if nothing is confirmed for a while; Refusal.
        """
        self._check()
        call = _Call(asyncio.get_running_loop().create_future())
        call.left = len(messages)
        self._waiting.add(call.done)
        try:
            for begin in range(0, len(messages), _WRITTEN_TOGETHER):
                self._write(messages[begin : begin + _WRITTEN_TOGETHER], call)
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self.link.room()
            await self._all_confirmed(call)
        except TimeoutError as exc:
            self.link.fail(self._silence())
            raise BrokerUnavailable(self.link.name, self.link.failure) from exc
        finally:
            self._release(call.done)

    async def arrivals(self, seconds: float) -> None:
        """Wait for messages in ``arrived``, not longer. Raises Refusal, BrokerUnavailable."""
        self._check()
        if not self.arrived:
            self._more = asyncio.get_running_loop().create_future()
            try:
                await self._outcome(self._more, seconds)
            except TimeoutError:
                return

    def acknowledge(self, tag: int) -> None:
        """Everything up to ``tag`` is taken. Raises BrokerUnavailable."""
        self.link.write(frame.marshal(commands.Basic.Ack(tag, multiple=True), self.number))

    def failed(self) -> None:
        """Tell everybody who waits."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(self._failure())

    def taken(self, raw: bytes) -> None:
        """A frame that came for this channel."""
        if raw[0] == METHOD:
            self._said(raw)
        elif raw[0] == HEADER:
            self._header = raw[7:-1]
            self._body_left = body_size(self._header)
            self._body = []
            if not self._body_left:
                self._complete(b"")
        else:
            self._body.append(raw[7:-1])
            self._body_left -= len(raw) - 8
            if self._body_left <= 0:
                self._complete(b"".join(self._body))

    def _said(self, raw: bytes) -> None:
        what = raw[7:11]
        if what in (DELIVER, RETURN):
            self._method = raw
        elif what == ACK:
            self._acknowledged(int.from_bytes(raw[11:19], "big"), bool(raw[19] & 1))
        elif what == NACK:
            self._not_taken("it could not take all messages")
        else:
            self._told(frame.unmarshal(raw)[2])

    def _told(self, method: Any) -> None:
        if isinstance(method, commands.Channel.Close):
            self._refuse(method.reply_code or 0, method.reply_text)
            if not self.link.failure:
                self.link.write(frame.marshal(commands.Channel.CloseOk(), self.number))
            self.link.channels.pop(self.number, None)
        elif isinstance(method, commands.Basic.Cancel):
            self._leave(f"it ended consumer {method.consumer_tag}")
        elif isinstance(method, commands.Channel.CloseOk):
            # Not before: the number must not be used again while the broker knows the channel.
            self.link.channels.pop(self.number, None)
            self._answered(method)
            self._refuse(0, "it is closed")
        else:
            self._answered(method)

    def _answered(self, method: Any) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(method)

    def _complete(self, body: bytes) -> None:
        if self._method[7:11] == RETURN:
            self._not_taken("a queue is missing: open the channel again")
            return
        end = 12 + self._method[11]
        tag = int.from_bytes(self._method[end : end + 8], "big")
        self.arrived.append(Arrived(self._method[12:end].decode(), tag, self._header, body))
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def _write(self, messages: Sequence[tuple[str, Message]], call: _Call) -> None:
        frames: list[bytes] = []
        for queue, message in messages:
            self._published += 1
            self._unconfirmed[self._published] = call
            frames.extend(published(queue, message, self.number, self.link.body_bytes))
        self.link.write(b"".join(frames))

    async def _all_confirmed(self, call: _Call) -> None:
        while call.left and not call.done.done():
            before = self._confirmed
            await asyncio.wait({call.done}, timeout=ANSWER_SECONDS)
            if self._confirmed == before and not call.done.done():
                raise TimeoutError
        if call.done.done():
            call.done.result()

    def _acknowledged(self, tag: int, multiple: bool) -> None:
        waiting = self._unconfirmed
        tags = [tag]
        if multiple:
            tags = list(takewhile(lambda one: one <= tag, waiting))
        for one in tags:
            if call := waiting.pop(one, None):
                self._confirmed += 1
                call.confirmed()

    def _not_taken(self, why: str) -> None:
        """What came back can't be told from the rest, so all of it may be published again."""
        for call in set(self._unconfirmed.values()):
            if not call.done.done():
                call.done.set_exception(BrokerUnavailable(self.link.name, why))

    def _refuse(self, code: int, text: str) -> None:
        self._refusal = self._refusal or Refusal(code, text)
        self.failed()

    def _leave(self, why: str) -> None:
        if self.usable:
            self._refuse(0, why)
            self.link.write(frame.marshal(commands.Channel.Close(*_DONE), self.number))

    async def _outcome(self, future: asyncio.Future[Any], seconds: float) -> Any:
        self._waiting.add(future)
        try:
            async with asyncio.timeout(seconds):
                return await future
        finally:
            self._release(future)

    def _release(self, future: asyncio.Future[Any]) -> None:
        self._waiting.discard(future)
        # A failure that came too late for whoever waited was told to nobody on purpose.
        if not future.cancel() and not future.cancelled():
            future.exception()

    def _check(self) -> None:
        if not self.usable:
            raise self._failure()

    def _failure(self) -> Exception:
        if self.link.failure:
            return BrokerUnavailable(self.link.name, self.link.failure)
        assert self._refusal is not None
        return Refusal(self._refusal.code, self._refusal.text)

    def _silence(self) -> str:
        if self.link.blocked:
            return f"it takes no messages now: {self.link.blocked}"
        return "it does not confirm messages in time"


async def opened(link: Link, *methods: Any) -> Channel:
    """A new channel on which ``methods`` were asked for. Raises Refusal, BrokerUnavailable."""
    channel = Channel(link)
    for method in (commands.Channel.Open(), *methods):
        await channel.ask(method)
    return channel
