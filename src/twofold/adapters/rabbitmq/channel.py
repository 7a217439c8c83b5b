"""A channel of pika, with awaitables and bounded waits in place of its callbacks."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

from twofold.adapters.rabbitmq.driver import exceptions, pika, reason
from twofold.adapters.rabbitmq.link import Link
from twofold.adapters.rabbitmq.messages import headers_of
from twofold.errors import BrokerUnavailable
from twofold.ports.transport import Message

ANSWER_SECONDS = 10.0
_WRITTEN_TOGETHER = 200
_MISSING = "a queue is missing: open the channel again"


class Refusal(Exception):
    """The broker closed a channel: what was asked for can't be done."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


class Arrived(NamedTuple):
    """A delivered message with its consumer's tag and its own."""

    consumer: str
    tag: int
    properties: Any
    body: bytes


class _Call:
    """Messages published together that are not all confirmed yet."""

    def __init__(self, done: asyncio.Future[None], left: int) -> None:
        self.done = done
        self.left = left

    def confirmed(self) -> None:
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Channel:
    """Made by ``opened``. Of no use any more once it or its connection failed."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.arrived: deque[Arrived] = deque()
        self._pika: Any = None
        self._refusal: Refusal | None = None
        self._waiting: set[asyncio.Future[Any]] = set()
        self._more: asyncio.Future[None] | None = None
        self._published = self._confirmed = 0
        self._unconfirmed: dict[int, _Call] = {}

    @property
    def usable(self) -> bool:
        """Whether neither it nor its connection failed."""
        return self._refusal is None and not self.link.failure

    async def open(self, prefetch: int, confirms: bool) -> None:
        """Called by ``opened``."""

        def begin(callback: Callable[..., None]) -> None:
            self._pika = self.link.connection.channel(on_open_callback=callback)
            self._pika.add_on_close_callback(self._closed)
            self._pika.add_on_cancel_callback(self._consumer_ended)
            self._pika.add_on_return_callback(lambda *_: self._not_taken(_MISSING))

        await self._ask(begin)
        if prefetch:
            await self._ask(partial(self._pika.basic_qos, prefetch_count=prefetch))
        if confirms:
            await self._ask(partial(self._pika.confirm_delivery, self._answered))

    async def declare(self, queue: str, arguments: dict[str, Any]) -> None:
        """Make a durable queue, if there is none. Raises Refusal, BrokerUnavailable."""
        asked = partial(self._pika.queue_declare, queue, durable=True, arguments=arguments)
        await self._ask(asked)

    async def count(self, queue: str) -> int:
        """How many messages a queue has, about. Raises Refusal, BrokerUnavailable."""
        answer = await self._ask(partial(self._pika.queue_declare, queue, passive=True))
        return int(answer.method.message_count)

    async def consume(self, queue: str, tag: str, offset: str | int) -> None:
        """Begin at ``offset``: "first", "last", or a message's. Raises Refusal, BrokerUnavailable.

        Messages come into ``arrived``.
        """
        where = {"x-stream-offset": offset}
        await self._ask(
            partial(self._pika.basic_consume, queue, self._take, consumer_tag=tag, arguments=where)
        )

    async def cancel(self, tag: str) -> None:
        """End a consumer. Raises Refusal, BrokerUnavailable."""
        await self._ask(partial(self._pika.basic_cancel, tag))

    def leave(self, why: str = "it is closed") -> None:
        """Close it, without waiting for that; safe to call twice."""
        if self.usable:
            self._refuse(Refusal(0, why))
            if self._pika is not None:
                with contextlib.suppress(exceptions.AMQPError):
                    self._pika.close()

    async def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Publish into queues and wait until all are confirmed.

        Raises BrokerUnavailable if one is not, or if nothing is confirmed for a while; Refusal.
        """
        self._check()
        call = _Call(asyncio.get_running_loop().create_future(), len(messages))
        self._waiting.add(call.done)
        try:
            for begin in range(0, len(messages), _WRITTEN_TOGETHER):
                self._check()
                with self.link.connection.together():
                    self._write(messages[begin : begin + _WRITTEN_TOGETHER], call)
                await asyncio.sleep(0)
            await self._all_confirmed(call)
        except TimeoutError as exc:
            self.link.fail(self._silence())
            raise BrokerUnavailable(self.link.name, self.link.failure) from exc
        except exceptions.AMQPError as exc:
            raise BrokerUnavailable(self.link.name, reason(exc)) from exc
        finally:
            self._release(call.done)

    async def arrivals(self, seconds: float) -> None:
        """Wait for messages in ``arrived``, not longer. Raises Refusal, BrokerUnavailable."""
        self._check()
        if not self.arrived:
            self._more = asyncio.get_running_loop().create_future()
            with contextlib.suppress(TimeoutError):
                await self._outcome(self._more, seconds)

    def acknowledge(self, tag: int) -> None:
        """Everything up to ``tag`` is taken. Raises BrokerUnavailable."""
        try:
            self._pika.basic_ack(tag, multiple=True)
        except exceptions.AMQPError as exc:
            raise BrokerUnavailable(self.link.name, reason(exc)) from exc

    async def _ask(self, question: Callable[..., object]) -> Any:
        self._check()
        answer = asyncio.get_running_loop().create_future()
        try:
            question(callback=partial(_settle, answer))
            return await self._outcome(answer, ANSWER_SECONDS)
        except TimeoutError as exc:
            self.link.fail("it does not answer in time")
            raise BrokerUnavailable(self.link.name, self.link.failure) from exc
        except exceptions.AMQPError as exc:
            raise BrokerUnavailable(self.link.name, reason(exc)) from exc

    def _take(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        self.arrived.append(Arrived(method.consumer_tag, method.delivery_tag, properties, body))
        if self._more is not None:
            _settle(self._more)

    def _write(self, messages: Sequence[tuple[str, Message]], call: _Call) -> None:
        for queue, message in messages:
            content_type, headers = headers_of(message)
            properties = pika.BasicProperties(content_type, headers=headers, delivery_mode=2)
            self._pika.basic_publish("", queue, message.data, properties, mandatory=True)
            self._published += 1
            self._unconfirmed[self._published] = call

    async def _all_confirmed(self, call: _Call) -> None:
        while call.left and not call.done.done():
            before = self._confirmed
            await asyncio.wait({call.done}, timeout=ANSWER_SECONDS)
            if self._confirmed == before and not call.done.done():
                raise TimeoutError
        if call.done.done():
            call.done.result()

    def _answered(self, told: Any) -> None:
        if isinstance(told.method, pika.spec.Basic.Nack):
            self._not_taken("it could not take all messages")
        tag, waiting = told.method.delivery_tag, self._unconfirmed
        tags = list(takewhile(lambda one: one <= tag, waiting)) if told.method.multiple else [tag]
        for one in tags:
            if call := waiting.pop(one, None):
                self._confirmed += 1
                call.confirmed()

    def _not_taken(self, why: str) -> None:
        """What came back can't be told from the rest, so all of it may be published again."""
        for call in set(self._unconfirmed.values()):
            if not call.done.done():
                call.done.set_exception(BrokerUnavailable(self.link.name, why))

    def _consumer_ended(self, told: Any) -> None:
        self.leave(f"it ended consumer {told.method.consumer_tag}")

    def _closed(self, _: Any, error: BaseException) -> None:
        if isinstance(error, exceptions.ChannelClosedByBroker):
            self._refuse(Refusal(error.reply_code, error.reply_text))
        elif self._refusal is None:
            self.link.lost(None, error)
            self._tell()

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = self._refusal or refusal
        self._tell()

    def _tell(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(self._failure())

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
        if self._refusal is None or self.link.failure:
            return BrokerUnavailable(self.link.name, self.link.failure)
        return Refusal(self._refusal.code, self._refusal.text)

    def _silence(self) -> str:
        if self.link.blocked:
            return f"it takes no messages now: {self.link.blocked}"
        return "it does not confirm messages in time"


async def opened(link: Link, *, prefetch: int = 0, confirms: bool = False) -> Channel:
    """A new channel, whose consumers may be ``prefetch`` messages behind, or that ``publish``es.

    Raises BrokerUnavailable.
    """
    channel = Channel(link)
    try:
        await channel.open(prefetch, confirms)
    except BaseException:
        channel.leave()
        raise
    return channel


def _settle(future: asyncio.Future[Any], answer: Any = None) -> None:
    if not future.done():
        future.set_result(answer)
