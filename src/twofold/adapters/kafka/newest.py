"""The newest message of each partition. Everything here blocks, so it is called in a thread."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from twofold.adapters.kafka.driver import Settings, Trouble, answered, translated, unavailable
from twofold.adapters.kafka.reader import consumer_settings
from twofold.adapters.kafka.wire import delivery_of
from twofold.ports.transport import Delivery

_SECONDS = 10.0
_POLL_SECONDS = 0.1


def newest(settings: Settings, topic: str, partitions: int) -> dict[int, Delivery]:
    """By partition; empty ones are left out. Raises BrokerUnavailable."""
    trouble = Trouble()
    consumer = Consumer({**consumer_settings(settings, trouble), "enable.partition.eof": True})
    deadline = time.monotonic() + _SECONDS
    found = {}
    try:
        with translated(trouble):
            for partition in range(partitions):
                delivery = _newest(consumer, TopicPartition(topic, partition), deadline, trouble)
                if delivery is not None:
                    found[partition] = delivery
    finally:
        consumer.close()
    return found


def _newest(
    consumer: Consumer, place: TopicPartition, deadline: float, trouble: Trouble
) -> Delivery | None:
    left = _left(deadline, trouble)
    begin, end = answered(lambda: consumer.get_watermark_offsets(place, left), trouble, left)
    back = 1
    while end > begin:
        # The last offsets may belong to marks of transactions or to what compaction removed.
        first = max(begin, end - back)
        consumer.assign([TopicPartition(place.topic, place.partition, first)])
        found = _last_of_the_rest(consumer, deadline, trouble)
        if found is not None or first == begin:
            return found
        back *= 4
    return None


def _last_of_the_rest(consumer: Consumer, deadline: float, trouble: Trouble) -> Delivery | None:
    found = None
    while True:
        message = consumer.poll(min(_POLL_SECONDS, _left(deadline, trouble)))
        error = message.error() if message is not None else None
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            return delivery_of(found) if found is not None else None
        if message is not None and error is None:
            found = message


def _left(deadline: float, trouble: Trouble) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise unavailable(None, trouble)
    return left
