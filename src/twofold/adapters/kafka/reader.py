"""Reading some partitions of a topic, without a consumer group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from twofold.adapters.kafka.driver import (
    Settings,
    Trouble,
    answered,
    settings_with,
    translated,
    unavailable,
)
from twofold.adapters.kafka.wire import delivery_of
from twofold.ports.transport import BEGINNING, END, Delivery

_SLICE_SECONDS = 0.1
_PROBE_SECONDS = 3.0
_SILENCE_MS = 5_000
_FETCHED_BYTES = 128 * 1024


def consumer_settings(settings: Settings, trouble: Trouble) -> dict[str, object]:
    """For a consumer that is told its partitions and keeps its position to itself."""
    return settings_with(
        settings,
        trouble,
        group_id="twofold",  # The driver asks for one; nothing is ever committed under it.
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        check_crcs=True,
        socket_timeout_ms=_SILENCE_MS,
        # A partition that is added waits for the request that is underway.
        fetch_wait_max_ms=50,
        fetch_queue_backoff_ms=5,
        fetch_error_backoff_ms=100,
        # As the broker counts: what is compressed may have ten times the size here.
        fetch_message_max_bytes=_FETCHED_BYTES,
        fetch_max_bytes=8 * _FETCHED_BYTES,
        queued_max_messages_kbytes=4 * 1024,
        topic_metadata_refresh_interval_ms=30_000,
    )


class KafkaReader:
    """A consumer in a thread of its own, as the driver's calls block."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._trouble = Trouble()
        self._consumer = Consumer(consumer_settings(settings, self._trouble))
        self._thread = ThreadPoolExecutor(1, "twofold-kafka")
        self._reading: set[int] = set()
        self._waiting: asyncio.Future[list[Delivery]] | None = None
        self._wanted = True
        self._kept: list[Delivery] = []
        self._closed = False

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        """What is there; waiting, if need be, is done in the thread."""
        if not self._kept and self._reading:
            self._kept = await self._taken(limit, timeout_seconds)
        elif not self._kept:
            await asyncio.sleep(timeout_seconds)
        found, self._kept = self._kept[:limit], self._kept[limit:]
        return found

    async def move(self, starts: Mapping[int, str]) -> None:
        """Keep, add and leave partitions. Raises BrokerUnavailable."""
        await self._settled()
        self._kept = [one for one in self._kept if one.partition in starts]
        await asyncio.get_running_loop().run_in_executor(self._thread, self._assign, starts)

    async def close(self) -> None:
        """End the thread and the consumer."""
        if self._closed:
            return
        self._closed = True
        await self._settled()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._consumer.close)
        self._thread.shutdown(wait=False)

    async def _taken(self, limit: int, timeout_seconds: float) -> list[Delivery]:
        if self._waiting is None:
            self._wanted = True
            self._waiting = asyncio.get_running_loop().run_in_executor(
                self._thread, self._take, limit, timeout_seconds
            )
        try:
            found = await asyncio.shield(self._waiting)
        except asyncio.CancelledError:
            # What the thread finds meanwhile is given to the next call.
            self._wanted = False
            raise
        except BaseException:
            self._waiting = None
            raise
        self._waiting = None
        return found

    async def _settled(self) -> None:
        """Wait for the thread, if a fetch was cancelled, and keep what it has found."""
        if self._waiting is not None:
            self._wanted = False
            (found,) = await asyncio.gather(self._waiting, return_exceptions=True)
            self._waiting = None
            if isinstance(found, list):
                self._kept.extend(found)

    def _take(self, limit: int, timeout_seconds: float) -> list[Delivery]:
        deadline = time.monotonic() + timeout_seconds
        while self._wanted:
            left = deadline - time.monotonic()
            first = self._consumer.poll(max(0.0, min(left, _SLICE_SECONDS)))
            if first is not None:
                more = self._consumer.consume(limit - 1, 0) if limit > 1 else []
                if found := self._readable([first, *more]):
                    return found
            elif left <= 0:
                self._probe()
                break
        return []

    def _readable(self, messages: Sequence[Any]) -> list[Delivery]:
        found = [delivery_of(one) for one in messages if one.error() is None]
        errors = [one.error() for one in messages if one.error() is not None]
        if errors and not found and not errors[-1].retriable():
            raise unavailable(errors[-1], self._trouble)
        return found

    def _probe(self) -> None:
        """Nothing came although something was wrong: is it still? Raises BrokerUnavailable."""
        if self._trouble.error is None:
            return
        with translated(self._trouble):
            topic = self._consumer.list_topics(self._topic, _PROBE_SECONDS).topics[self._topic]
        self._trouble.clear()
        if topic.error is not None:
            raise unavailable(topic.error)

    def _assign(self, starts: Mapping[int, str]) -> None:
        with translated(self._trouble):
            if left := self._reading - starts.keys():
                self._consumer.incremental_unassign([self._place(one) for one in left])
                self._reading -= left
            added = [
                self._place(partition, self._next(partition, offset))
                for partition, offset in starts.items()
                if partition not in self._reading
            ]
            if added:
                self._consumer.incremental_assign(added)
                self._reading |= starts.keys()

    def _next(self, partition: int, offset: str) -> int:
        """The driver's number of the first message after ``offset``."""
        if offset == BEGINNING:
            # If that is deleted, the driver goes on with the oldest there is. Asking it for the
            # oldest takes half a second, as it does not know the partition's leader yet.
            return 0
        if offset != END:
            return int(offset) + 1
        place = self._place(partition)
        _, end = answered(
            lambda: self._consumer.get_watermark_offsets(place, _PROBE_SECONDS),
            self._trouble,
            _PROBE_SECONDS,
        )
        return int(end)

    def _place(self, partition: int, offset: int = 0) -> TopicPartition:
        return TopicPartition(self._topic, partition, offset)
