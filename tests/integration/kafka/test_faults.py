"""What the transport does while its broker is killed, silent, slow or away."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from tests.integration.kafka.conftest import PASSWORD, Hurt, opened
from twofold.adapters.kafka import outbox, reader, topics, transport
from twofold.errors import BrokerUnavailable
from twofold.ops.services import restart
from twofold.ops.services.processes import free_port
from twofold.ports.transport import BEGINNING, Channel, Delivery
from twofold.testing.conformance.transport import fetched, message

BOTH = {0: BEGINNING, 1: BEGINNING}


def firsts(found: list[Delivery], partition: int) -> list[int]:
    """Numbers of one partition's messages in the order in which they first came."""
    numbers = [int(one.attributes["id"]) for one in found if one.partition == partition]
    return list(dict.fromkeys(numbers))


async def insisting(ours: transport.KafkaTransport, channel: Channel, first: int) -> None:
    """Publish 100 messages until they are acknowledged."""
    batch = [message(n % 2, str(n)) for n in range(first, first + 100)]
    async with asyncio.timeout(60):
        while True:
            try:
                return await ours.publish(channel.name, batch)
            except BrokerUnavailable:
                continue


async def test_a_killed_broker_loses_nothing_and_is_found_again(
    hurt: Hurt, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_PUBLISH_SECONDS", 1.5)
    address = hurt.running.address
    found: list[Delivery] = []

    begun = asyncio.Event()

    async def publish() -> None:
        for first in range(0, 8_000, 100):
            await insisting(ours, channel, first)

    async def read() -> None:
        reading = await theirs.reader(channel.name, BOTH)
        seen: set[str] = set()
        while len(seen) < 8_000:
            try:
                found.extend(await reading.fetch(1_000, 0.5))
            except BrokerUnavailable:
                continue
            seen = {one.attributes["id"] for one in found}
            if len(seen) > 1_000:
                begun.set()
        await reading.close()

    async with (
        opened(address, channel) as ours,
        opened(address, channel) as theirs,
        asyncio.timeout(90),
        asyncio.TaskGroup() as both,
    ):
        both.create_task(publish())
        both.create_task(read())
        await begun.wait()
        os.kill(hurt.running.pid, signal.SIGKILL)
        await asyncio.to_thread(restart, hurt.running)
    assert firsts(found, 0) == list(range(0, 8_000, 2))
    assert firsts(found, 1) == list(range(1, 8_000, 2))


async def test_a_broker_that_is_not_there_is_told_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topics, "_SECONDS", 0.5)
    monkeypatch.setattr(topics, "_ANSWER_SECONDS", 1.0)
    with pytest.raises(BrokerUnavailable, match="refused"):
        async with opened(f"kafka://127.0.0.1:{free_port()}"):
            pass


async def test_a_host_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_SECONDS", 0.5)
    monkeypatch.setattr(topics, "_ANSWER_SECONDS", 2.0)
    with pytest.raises(BrokerUnavailable, match=r"nowhere\.invalid.*resolve"):
        async with opened("kafka://nowhere.invalid:9092"):
            pass


async def test_publishing_into_silence_fails_in_time_and_keeps_the_order(
    hurt: Hurt, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_PUBLISH_SECONDS", 1.0)
    async with hurt.behind_proxy() as (address, proxy), opened(address, channel) as ours:
        await insisting(ours, channel, 0)
        proxy.stall()
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="does not answer in time"):
            await ours.publish(channel.name, [message(n % 2, str(n)) for n in range(100, 200)])
        assert time.monotonic() - began < 3
        proxy.flow()
        await insisting(ours, channel, 100)
        reading = await ours.reader(channel.name, BOTH)
        found = await fetched(reading, 200)
        await reading.close()
    assert firsts(found, 0) == list(range(0, 200, 2))
    assert firsts(found, 1) == list(range(1, 200, 2))


async def test_reading_from_silence_fails_in_time_and_goes_on_where_it_was(
    hurt: Hurt, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_SILENCE_MS", 1_000)
    monkeypatch.setattr(reader, "_PROBE_SECONDS", 1.0)
    async with hurt.behind_proxy() as (address, proxy), opened(address, channel) as ours:
        reading = await ours.reader(channel.name, BOTH)
        await insisting(ours, channel, 0)
        found = await fetched(reading, 100)
        proxy.stall()
        with pytest.raises(BrokerUnavailable):
            async with asyncio.timeout(20):
                while True:
                    await reading.fetch(100, 0.5)
        proxy.flow()
        await insisting(ours, channel, 100)
        while len(firsts(found, 0)) + len(firsts(found, 1)) < 200:
            found.extend(await reading.fetch(100, 5.0))
        await reading.close()
    assert firsts(found, 0) == list(range(0, 200, 2))
    assert [int(one.attributes["id"]) for one in found] == list(
        dict.fromkeys(int(one.attributes["id"]) for one in found)
    )


async def test_cut_connections_are_made_again(hurt: Hurt, channel: Channel) -> None:
    async with hurt.behind_proxy() as (address, proxy), opened(address, channel) as ours:
        reading = await ours.reader(channel.name, BOTH)
        found = []
        for first in range(0, 300, 100):
            await insisting(ours, channel, first)
            proxy.cut()
            while len(firsts(found, 0)) + len(firsts(found, 1)) < first + 100:
                found.extend(await reading.fetch(100, 5.0))
        await reading.close()
    assert firsts(found, 0) == list(range(0, 300, 2))


async def test_a_slow_broker_is_waited_for(hurt: Hurt, channel: Channel) -> None:
    async with hurt.behind_proxy() as (address, proxy), opened(address, channel) as ours:
        proxy.to_server.delay_seconds = proxy.to_client.delay_seconds = 0.1
        proxy.to_server.bytes_per_second = 200_000
        await insisting(ours, channel, 0)
        reading = await ours.reader(channel.name, BOTH)
        assert firsts(await fetched(reading, 100), 1) == list(range(1, 100, 2))
        await reading.close()


async def test_memory_does_not_grow_while_the_broker_is_away(
    hurt: Hurt, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_PUBLISH_SECONDS", 0.1)
    batch = [message(n % 2, str(n), b"x" * 10_000) for n in range(500)]
    async with hurt.behind_proxy() as (address, proxy), opened(address, channel) as ours:
        await proxy.refuse()
        proxy.cut()
        used = []
        for _ in range(30):
            with pytest.raises(BrokerUnavailable):
                await ours.publish(channel.name, batch)
            used.append(resident_bytes())
    assert used[-1] - used[9] < 30_000_000


async def test_what_the_driver_has_no_room_for_waits(
    hurt: Hurt, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_QUEUE_KBYTES", 100)
    batch = [message(0, str(n), b"x" * 10_000) for n in range(200)]
    async with opened(hurt.running.address, channel) as ours:
        await ours.publish(channel.name, batch)
        reading = await ours.reader(channel.name, BOTH)
        assert firsts(await fetched(reading, 200), 0) == list(range(200))
        await reading.close()


async def test_the_right_password_opens_and_a_wrong_one_is_told_at_once(
    hurt: Hurt, channel: Channel
) -> None:
    right = f"kafka://anna:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{hurt.secured}?mechanism=PLAIN"
    async with opened(right, channel) as ours:
        await insisting(ours, channel, 0)
    with pytest.raises(BrokerUnavailable, match="refuses the user's name or password"):
        async with asyncio.timeout(9):
            async with opened(right.replace("anna", "berta"), channel):
                pass


def resident_bytes() -> int:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
