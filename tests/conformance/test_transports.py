"""All transports keep the same rules."""

from __future__ import annotations

import pytest

from twofold.adapters.kafka.transport import KafkaTransport
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.adapters.rabbitmq.transport import RabbitTransport
from twofold.adapters.redis.transport import RedisTransport
from twofold.ports.transport import partition_of
from twofold.testing.conformance.transport import ConnectTransport, TransportConformance


def test_partitions_are_those_of_the_published_rule() -> None:
    assert [partition_of(key, 4) for key in ("order:1", "order:2", "über:3")] == [1, 3, 3]
    spread = [partition_of(f"order:{n}", 8) for n in range(8_000)]
    assert all(800 < spread.count(partition) < 1_200 for partition in range(8))


class TestMemoryTransport(TransportConformance):
    @pytest.fixture
    def connect(self) -> ConnectTransport:
        broker = MemoryBroker()
        return lambda: MemoryTransport(broker)


class TestRedisTransport(TransportConformance):
    @pytest.fixture
    def connect(self, redis_server: str) -> ConnectTransport:
        return lambda: RedisTransport(redis_server)


class TestRabbitTransport(TransportConformance):
    @pytest.fixture
    def connect(self, rabbitmq_server: str) -> ConnectTransport:
        return lambda: RabbitTransport(rabbitmq_server)


class TestKafkaTransport(TransportConformance):
    @pytest.fixture
    def connect(self, kafka_server: str) -> ConnectTransport:
        return lambda: KafkaTransport(kafka_server)
