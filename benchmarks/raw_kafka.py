"""What Kafka's client does on this machine without Twofold, with the same settings."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.transports import BATCH, BATCHES, PARTITIONS, SINGLES, messages, percentiles

_HEADERS = [(f"ce_{name}", value.encode()) for name, value in messages(1)[0].attributes.items()]


class RawKafka:
    """One producer and one consumer of a topic that exists."""

    def __init__(self, address: str, topic: str) -> None:
        place = {"bootstrap.servers": address.removeprefix("kafka://")}
        self._topic = topic
        settings: dict[str, Any] = {"enable.idempotence": True, "acks": "all", "linger.ms": 0}
        self._producer = Producer({**place, **settings, "compression.type": "lz4"})
        reading: dict[str, Any] = {"fetch.wait.max.ms": 50, "fetch.queue.backoff.ms": 5}
        self._consumer = Consumer({**place, **reading, "group.id": "raw"})

    def published(self) -> tuple[float, float]:
        """Messages/s, and what one takes of the thread in µs. Batches are flushed; headers are
        made once for all."""
        batch = messages()
        self._publish(0, b"first")
        self._producer.flush()
        began, busy = time.perf_counter(), time.thread_time()
        for _ in range(BATCHES):
            for message in batch:
                self._publish(message.partition, message.data)
            self._producer.flush()
        took, busy = time.perf_counter() - began, time.thread_time() - busy
        return BATCH * BATCHES / took, busy / BATCH / BATCHES * 1_000_000

    def fetched(self) -> float:
        """Messages/s, without looking at them."""
        self._assign(0)
        began, count = time.perf_counter(), 0
        while count < BATCH * BATCHES:
            count += len(self._consumer.consume(BATCH, 0.05))
        return count / (time.perf_counter() - began)

    def one_by_one(self) -> tuple[float, float]:
        """Median and 99th of 100 from producing to consuming, in ms."""
        places = [TopicPartition(self._topic, one) for one in range(PARTITIONS)]
        ends = [self._consumer.get_watermark_offsets(place)[1] for place in places]
        self._assign(*ends)
        self._consumer.poll(1.0)
        times = []
        for message in messages(SINGLES):
            began = time.perf_counter()
            self._publish(message.partition, message.data)
            self._consumer.poll(5.0)
            times.append(time.perf_counter() - began)
        return percentiles(times)

    def close(self) -> None:
        """End both."""
        self._consumer.close()
        self._producer.close()

    def _publish(self, partition: int, data: bytes) -> None:
        self._producer.produce(
            self._topic,
            data,
            b"order",
            partition,
            headers=_HEADERS,  # type: ignore[arg-type]
        )

    def _assign(self, *offsets: int) -> None:
        starts = offsets if len(offsets) > 1 else [*offsets] * PARTITIONS
        self._consumer.assign(
            [TopicPartition(self._topic, one, start) for one, start in enumerate(starts)]
        )
