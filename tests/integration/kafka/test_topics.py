"""What is asked of topics, what others find in ours, and what we find in theirs."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.integration.kafka.conftest import opened
from twofold.errors import BrokerUnsuitable, MessageTooLarge
from twofold.ports.transport import BEGINNING, END, Channel, Message
from twofold.testing.conformance.transport import fetched, message

BOTH = {0: BEGINNING, 1: BEGINNING}


def place(address: str) -> str:
    return address.removeprefix("kafka://")


def made(address: str, name: str, **config: str) -> None:
    """A topic that somebody else has made, with two partitions."""
    settings = {key.replace("_", "."): value for key, value in config.items()}
    admin = AdminClient({"bootstrap.servers": place(address)})
    admin.create_topics([NewTopic(name, 2, 1, config=settings)])[name].result(10)


def produced(address: str, topic: str, *messages: dict[str, Any], **settings: Any) -> None:
    """What somebody else publishes into partition 0."""
    producer = Producer({"bootstrap.servers": place(address), **settings})
    if settings:
        producer.init_transactions(10)
        producer.begin_transaction()
    for one in messages:
        producer.produce(topic, partition=0, **one)
    producer.flush(10)
    if settings:
        producer.commit_transaction(10)


async def test_a_plain_client_reads_cloudevents_by_their_specification(
    kafka_server: str, channel: Channel
) -> None:
    attributes = {
        "specversion": "1.0",
        "id": "7",
        "source": "urn:twofold:shop",
        "type": "orders.OrderPlaced",
        "datacontenttype": "application/json",
    }
    sent = Message(1, "order:7", attributes, '{"customer":"Zoë"}'.encode())
    async with opened(kafka_server, channel) as ours:
        await ours.publish(channel.name, [sent])
    consumer = Consumer({"bootstrap.servers": place(kafka_server), "group.id": "foreign"})
    consumer.assign([TopicPartition(channel.name, 1, 0)])
    found = await asyncio.to_thread(consumer.poll, 20)
    consumer.close()
    assert found is not None
    assert found.value() == sent.data
    assert found.key() == b"order:7"
    assert dict(found.headers() or ()) == {
        "ce_specversion": b"1.0",
        "ce_id": b"7",
        "ce_source": b"urn:twofold:shop",
        "ce_type": b"orders.OrderPlaced",
        "content-type": b"application/json",
    }


async def test_foreign_messages_come_with_what_can_be_read(
    kafka_server: str, channel: Channel
) -> None:
    event = {"ce_id": b"f", "ce_type": b"foreign.Thing", "content-type": b"text/plain"}
    async with opened(kafka_server, channel) as ours:
        await asyncio.to_thread(
            produced,
            kafka_server,
            channel.name,
            {"value": b"\xff\x00 garbage", "key": b"\xfe"},
            {"value": None, "headers": [("other", b"\xff"), ("ce_type", b"\xff"), ("ce_id", b"g")]},
            {"value": b"text", "headers": [*event.items(), ("trace", None)]},
        )
        reader = await ours.reader(channel.name, BOTH)
        found = await fetched(reader, 3)
        await reader.close()
    assert [one.data for one in found] == [b"\xff\x00 garbage", b"", b"text"]
    assert [dict(one.attributes) for one in found] == [
        {},
        {"id": "g"},
        {"id": "f", "type": "foreign.Thing", "datacontenttype": "text/plain"},
    ]


async def test_the_last_message_is_found_behind_marks_of_transactions(
    kafka_server: str, channel: Channel
) -> None:
    async with opened(kafka_server, channel) as ours:
        await ours.publish(channel.name, [message(0, "before")])
        foreign = {"value": b"last", "headers": [("ce_id", b"foreign")]}
        settings = {"transactional.id": channel.name}
        await asyncio.to_thread(produced, kafka_server, channel.name, foreign, **settings)
        last = await ours.last(channel.name)
        async with asyncio.timeout(30):
            # The broker answers a commit before it writes the marks that show it.
            while last[0].attributes["id"] == "before":
                last = await ours.last(channel.name)
    assert {one: last[one].attributes["id"] for one in last} == {0: "foreign"}


async def test_topics_that_could_lose_messages_are_refused(
    kafka_server: str, channel: Channel
) -> None:
    made(kafka_server, channel.name, cleanup_policy="compact", retention_ms="1000")
    async with opened(kafka_server) as ours:
        with pytest.raises(BrokerUnsuitable, match=r"cleanup\.policy=compact and must be delete"):
            await ours.open([channel])
        with pytest.raises(BrokerUnsuitable, match=r"retention\.ms=1000 and must be -1"):
            await ours.open([Channel(channel.name, 2, "queue")])


async def test_the_limit_is_that_of_the_topic(kafka_server: str, channel: Channel) -> None:
    made(kafka_server, channel.name, max_message_bytes="50000")
    async with opened(kafka_server, channel) as ours:
        assert 30_000 < ours.limit_bytes < 50_000
        fits = [message(0, str(n), b"x" * ours.limit_bytes) for n in range(5)]
        await ours.publish(channel.name, fits)
        long = Message(0, "k", {"type": "test.Said", "note": "x" * 60_000}, b"short")
        with pytest.raises(MessageTooLarge, match=r"test\.Said has 60,"):
            await ours.publish(channel.name, [long])
        await ours.publish(channel.name, [message(0, "after")])
        assert (await ours.last(channel.name))[0].attributes["id"] == "after"


async def test_the_largest_message_that_is_taken_comes_back(
    kafka_server: str, channel: Channel
) -> None:
    async with opened(kafka_server, channel) as ours:
        data = os.urandom(ours.limit_bytes)
        await ours.publish(channel.name, [message(1, "large", data), message(1, "next")])
        reader = await ours.reader(channel.name, BOTH)
        found = await fetched(reader, 2)
        await reader.close()
    assert [one.attributes["id"] for one in found] == ["large", "next"]
    assert found[0].data == data


async def test_what_is_forgotten_is_deleted_and_readers_begin_with_the_rest(
    kafka_server: str, channel: Channel
) -> None:
    queue = Channel(channel.name, 2, "queue")
    async with opened(kafka_server, queue) as ours:
        await ours.publish(queue.name, [message(0, str(n)) for n in range(10)])
        await ours.forget(queue.name, 0, "5")
        await ours.forget(queue.name, 0, "3")
        reader = await ours.reader(queue.name, BOTH)
        found = await fetched(reader, 4)
        await reader.close()
    assert [one.attributes["id"] for one in found] == ["6", "7", "8", "9"]


async def test_a_cancelled_fetch_loses_nothing(kafka_server: str, channel: Channel) -> None:
    async with opened(kafka_server, channel) as ours:
        reader = await ours.reader(channel.name, {0: END})
        for name in ("one", "two"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await reader.fetch(10, 30.0)
            await ours.publish(channel.name, [message(0, name)])
            found = await fetched(reader, 1)
            assert [one.attributes["id"] for one in found] == [name]
        await reader.close()
