"""Publishing into one topic with an idempotent producer, used until its first failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from twofold.adapters.kafka.driver import Settings, Trouble, settings_with, unavailable
from twofold.adapters.kafka.topics import Topic
from twofold.adapters.kafka.wire import headers_of
from twofold.errors import TwofoldError
from twofold.ports.transport import Message

_AT_A_TIME = 250
_FIRST_PAUSE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 0.02
_QUEUE_KBYTES = 64 * 1024
_BATCH_BYTES = 1_000_000


class _Batch:
    """The messages of one call and how many of them are not acknowledged yet."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def acknowledged(self) -> None:
        """One more."""
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)

    def failed(self, error: TwofoldError) -> None:
        """Tell whoever waits."""
        if not self.done.done():
            self.done.set_exception(error)

    def leave(self) -> None:
        """Nobody waits any more."""
        if not self.done.cancel() and not self.done.cancelled():
            self.done.exception()


class Outbox:
    """Either everything that it was given is acknowledged, in order, or it is ``broken``.

    A broken one drops what it still holds. So of a batch that failed a beginning may have been
    published, never an end without the beginning; publishing all of it again keeps the order.
    The driver's callbacks run on the loop, within ``poll``: no other thread is involved.
    """

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self.broken: TwofoldError | None = None
        self._topic = topic
        self._trouble = Trouble()
        self._batches: set[_Batch] = set()
        self._looking: asyncio.Task[None] | None = None
        self._acknowledged = asyncio.Event()
        self._producer = Producer(
            settings_with(
                settings,
                self._trouble,
                enable_idempotence=True,
                enable_gapless_guarantee=True,
                acks="all",
                # The driver's own deadline is one for each message and would leave gaps.
                message_timeout_ms=0,
                linger_ms=0,
                # While a request is underway, messages gather for the next one. With more requests
                # at a time, each takes the one message that there is, and the broker works through
                # them one by one: an answer to 40 messages takes five times as long.
                max_in_flight=1,
                compression_type="lz4",
                message_max_bytes=topic.max_bytes,
                batch_size=min(topic.max_bytes, _BATCH_BYTES),
                queue_buffering_max_kbytes=_QUEUE_KBYTES,
            )
        )

    async def publish(self, messages: Sequence[Message], seconds: float) -> None:
        """Publish and wait for the acknowledgements. Raises BrokerUnavailable, MessageTooLarge."""
        batch = _Batch(len(messages))
        self._batches.add(batch)
        try:
            async with asyncio.timeout(seconds):
                await self._hand_over(messages, batch)
                await batch.done
            self._trouble.clear()
        except TimeoutError as exc:
            self._break(unavailable(None, self._trouble))
            raise unavailable(None, self._trouble) from exc
        finally:
            self._batches.discard(batch)
            batch.leave()

    async def close(self) -> None:
        """Drop what is not acknowledged and end the driver's threads."""
        self._break(unavailable(None, self._trouble))
        if self._looking is not None:
            await self._looking
        await asyncio.to_thread(self._producer.close)

    async def _hand_over(self, messages: Sequence[Message], batch: _Batch) -> None:
        def answered(error: KafkaError | None, message: Any) -> None:
            if error is None:
                batch.acknowledged()
            elif self.broken is None:
                self._refuse(error, message, batch)

        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        for first in range(0, len(messages), _AT_A_TIME):
            for message in messages[first : first + _AT_A_TIME]:
                while not self._taken(message, answered):
                    await self._acknowledged.wait()
            await asyncio.sleep(0)

    def _taken(self, message: Message, answered: Any) -> bool:
        """Whether there was room for it among what waits to be sent."""
        if self.broken is not None:
            raise self.broken
        try:
            self._producer.produce(
                self._topic.name,
                message.data,
                message.key,
                message.partition,
                on_delivery=answered,
                headers=headers_of(message),  # type: ignore[arg-type]
            )
        except BufferError:
            return False
        except KafkaException as exc:
            error = exc.args[0]
            if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise self._topic.too_large(message.attributes, message.data) from exc
            self._break(unavailable(error, self._trouble))
            raise unavailable(error, self._trouble) from exc
        return True

    async def _look(self) -> None:
        """Take acknowledgements while some are missing: often at first, as most come soon."""
        pause = _FIRST_PAUSE_SECONDS
        while self._batches and self.broken is None:
            came = self._producer.poll(0)
            if came:
                self._wake()
            pause = _FIRST_PAUSE_SECONDS if came else min(pause * 1.2, _LONGEST_PAUSE_SECONDS)
            if self._trouble.hopeless:
                self._break(unavailable(None, self._trouble))
            await asyncio.sleep(pause)

    def _refuse(self, error: KafkaError, message: Any, batch: _Batch) -> None:
        """The broker does not take a message, so nothing that was to follow it may be published."""
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            batch.failed(self._topic.too_large({}, message.value()))
        self._break(unavailable(error, self._trouble))

    def _break(self, error: TwofoldError) -> None:
        if self.broken is not None:
            return
        self.broken = error
        for batch in self._batches:
            batch.failed(error)
        self._producer.purge(blocking=False)
        self._wake()

    def _wake(self) -> None:
        self._acknowledged.set()
        self._acknowledged = asyncio.Event()
