"""What is particular to Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio as plain
from redis.asyncio import Redis
from structlog.testing import capture_logs

from tests.integration.brokers.faults import (
    STARTS,
    BrokerFaults,
    fresh_channel,
    opened,
)
from twofold.adapters.redis.transport import RedisTransport
from twofold.errors import BrokerUnavailable, BrokerUnsuitable, SettingsProblems
from twofold.ops.services.service import Running
from twofold.ports.transport import BEGINNING, Channel
from twofold.testing.conformance.transport import fetched, message


class TestRedisFaults(BrokerFaults):
    service = "redis"
    connect = RedisTransport

    async def durable(self, server: Running) -> None:
        # With everysec it acknowledges before it writes when the disk is busy.
        client = plain.from_url(server.address)
        await client.config_set("appendfsync", "always")
        await client.aclose()

    @pytest.fixture
    def address(self, redis_server: str) -> str:
        return redis_server


@pytest.fixture
async def client(redis_server: str) -> AsyncIterator[Any]:
    """The broker's plain client."""
    client = plain.from_url(redis_server, decode_responses=True, protocol=2)
    yield client
    await client.aclose()


@asynccontextmanager
async def configured(client: Redis, name: str, value: str) -> AsyncIterator[None]:
    """Another setting of the server until the end of the block."""
    former = (await client.config_get(name))[name]
    await client.config_set(name, value)
    try:
        yield
    finally:
        await client.config_set(name, former)


def as_queue(channel: Channel) -> Channel:
    return Channel(channel.name, channel.partitions, "queue")


async def test_a_plain_client_reads_cloud_events(redis_server: str, client: Redis) -> None:
    channel = fresh_channel()
    async with opened(RedisTransport(redis_server), channel) as transport:
        await transport.publish(channel.name, [message(1, "e-1")])
    [(_, fields)] = await client.xrange(f"{channel.name}:1")
    assert fields == {
        "key": "test:1",
        "ce_specversion": "1.0",
        "ce_id": "e-1",
        "ce_source": "urn:twofold:test",
        "ce_type": "test.Said",
        "ce_subject": "test:1",
        "content-type": "application/json",
        "data": '{"said":1}',
    }


async def test_what_others_add_is_delivered(redis_server: str, client: Redis) -> None:
    channel = fresh_channel()
    async with opened(RedisTransport(redis_server), channel) as transport:
        await client.xadd(f"{channel.name}:0", {"temperature": "21", "ce_type": "x.Measured"})
        await client.xadd(f"{channel.name}:0", {b"\xff": b"\xfe", "data": b"\x00\xff"})
        reader = await transport.reader(channel.name, STARTS)
        foreign, garbage = await fetched(reader, 2)
        await reader.close()
    assert foreign.attributes == {"type": "x.Measured"}
    assert foreign.data == b'{"temperature":"21","ce_type":"x.Measured"}'
    assert (garbage.attributes, garbage.key, garbage.data) == ({}, "", b"\x00\xff")


async def test_logs_are_trimmed_and_queues_only_when_forgotten(
    redis_server: str, client: Redis
) -> None:
    log, queue = fresh_channel(), as_queue(fresh_channel())
    async with opened(RedisTransport(f"{redis_server}?log_messages=400"), log) as transport:
        await transport.open([queue])
        for _ in range(10):
            some = [message(0, str(number)) for number in range(100)]
            await transport.publish(log.name, some)
            await transport.publish(queue.name, some)
        assert 200 <= await client.xlen(f"{log.name}:0") < 400
        assert await client.xlen(f"{queue.name}:0") == 1_000
        reader = await transport.reader(queue.name, {0: BEGINNING})
        found = await fetched(reader, 1_000)
        await reader.close()
        await transport.forget(log.name, 0, found[-1].offset)
        await transport.forget(queue.name, 0, found[989].offset)
        assert await client.xlen(f"{log.name}:0") >= 200
        assert await client.xlen(f"{queue.name}:0") == 10


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("appendonly", "no", "CONFIG SET appendonly yes"),
        ("appendfsync", "no", "CONFIG SET appendfsync everysec"),
    ],
)
async def test_a_server_that_forgets_is_refused_for_queues_and_told_for_logs(
    redis_server: str, client: Redis, name: str, value: str, remedy: str
) -> None:
    channel = fresh_channel()
    async with configured(client, name, value):
        with pytest.raises(BrokerUnsuitable, match=remedy):
            async with opened(RedisTransport(redis_server), as_queue(channel)):
                pass
        with capture_logs() as logs:
            async with opened(RedisTransport(redis_server), channel) as transport:
                await transport.publish(channel.name, [message(0, "kept in memory")])
        assert [one["log_level"] for one in logs] == ["warning"]
        assert remedy in logs[0]["remedy"]


async def test_a_server_that_drops_data_when_memory_is_short_is_refused(
    redis_server: str, client: Redis
) -> None:
    async with configured(client, "maxmemory-policy", "allkeys-lru"):
        with pytest.raises(BrokerUnsuitable, match="CONFIG SET maxmemory-policy noeviction"):
            async with opened(RedisTransport(redis_server), fresh_channel()):
                pass


async def test_a_server_without_memory_takes_all_or_none_and_says_so(
    redis_server: str, client: Redis
) -> None:
    channel = fresh_channel()
    async with opened(RedisTransport(redis_server), channel) as transport:
        async with configured(client, "maxmemory", "1mb"):
            with pytest.raises(BrokerUnavailable, match="more memory"):
                await transport.publish(channel.name, [message(0, "a"), message(0, "b")])
        assert await client.xlen(f"{channel.name}:0") == 0
        await transport.publish(channel.name, [message(0, "c")])


async def test_another_kind_of_channel_is_refused(redis_server: str) -> None:
    channel = fresh_channel()
    async with opened(RedisTransport(redis_server), channel) as transport:
        with pytest.raises(BrokerUnsuitable, match="as a log"):
            await transport.open([as_queue(channel)])


async def test_wrong_credentials_are_said_to_be_that(redis_server: str) -> None:
    address = redis_server.replace("redis://", "redis://nobody:secret-word@")
    with pytest.raises(BrokerUnavailable, match="wrong credentials") as caught:
        async with opened(RedisTransport(address), fresh_channel()):
            pass
    assert "secret-word" not in str(caught.value)


async def test_what_a_user_may_not_do_is_named(redis_server: str, client: Redis) -> None:
    await client.execute_command("ACL SETUSER limited on >word ~* +info +config|get +ping")
    try:
        address = redis_server.replace("redis://", "redis://limited:word@")
        with pytest.raises(BrokerUnsuitable, match="hsetnx"):
            async with opened(RedisTransport(address), fresh_channel()):
                pass
    finally:
        await client.execute_command("ACL DELUSER limited")


async def test_a_replica_that_is_missing_is_missed(redis_server: str) -> None:
    channel = fresh_channel()
    async with opened(RedisTransport(f"{redis_server}?replicas=1"), channel) as transport:
        with pytest.raises(BrokerUnavailable, match="0 of 1 replicas"):
            await transport.publish(channel.name, [message(0, "alone")])


async def test_mistakes_in_the_address_are_told_together() -> None:
    with pytest.raises(SettingsProblems) as caught:
        RedisTransport("redis://127.0.0.1?log_message=5&replicas=some")
    assert len(caught.value.problems) == 2
    assert "there are log_messages, message_bytes, replicas" in str(caught.value)


async def test_several_batches_keep_their_order(redis_server: str) -> None:
    channel = fresh_channel()
    async with opened(RedisTransport(redis_server), channel) as transport:
        large = b"x" * 100_000
        await transport.publish(channel.name, [message(0, str(n), large) for n in range(200)])
        await transport.publish(channel.name, [message(0, str(n)) for n in range(200, 2_500)])
        reader = await transport.reader(channel.name, {0: BEGINNING})
        found = await fetched(reader, 2_500)
        await reader.close()
    assert [one.attributes["id"] for one in found] == [str(n) for n in range(2_500)]
