"""Events of another system lead to commands, each once; what fails is kept, on every log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
import redis.asyncio as plain
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.integration.brokers.faults import fresh_channel
from tests.integration.conftest import Start
from tests.parcels import CHANNEL, DELIVERED, NoteStop, ParcelId, app, broken, parcel
from tests.waiting import until
from twofold import Application, Foreign, Inbox, Module, System, Value, internal, role
from twofold.adapters.kafka.transport import KafkaTransport
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.adapters.redis.transport import RedisTransport
from twofold.errors import StoreUnavailable
from twofold.ports.transport import Channel, Message

SCHEDULER = frozenset({"scheduler"})
QUICK = {"lease_seconds": 0.6, "retry_seconds": 0.01, "command_attempts": 2}
GROUP = f"inbox:{CHANNEL} at a broker"


@pytest.fixture(autouse=True)
def repaired() -> Iterator[None]:
    yield
    broken.clear()


class Greeting(Value):
    name: str


def greetings(theirs: Inbox) -> Application:
    """Whoever is greeted is noted."""

    @theirs.on("com.example.greeted")
    def greeted(event: Greeting, meta: Foreign) -> NoteStop:
        return NoteStop(parcel_id=ParcelId(meta.subject), stop=event.name)

    return Application(
        "greetings",
        Module("greetings", parcel, theirs, internal(NoteStop, may=role("system"))),
    )


class Carrier:
    """The other system."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()

    def connect(self) -> MemoryTransport:
        return MemoryTransport(self.broker)

    async def say(
        self,
        id: str,
        *stops: str,
        partition: int = 0,
        parcel: str = "p",
        data: bytes = b"",
        **other: str,
    ) -> None:
        """Publish that a parcel was delivered; an attribute that is "" is left out."""
        attributes = {
            "specversion": "1.0",
            "id": id,
            "source": "urn:carrier",
            "type": DELIVERED,
            "datacontenttype": "application/json",
            **other,
        }
        transport = self.connect()
        await transport.open([Channel(CHANNEL, 2)])
        known = {name: value for name, value in attributes.items() if value}
        written = data or msgspec.json.encode({"parcel": parcel, "stops": stops, "more": 1})
        await transport.publish(CHANNEL, [Message(partition, parcel, known, written)])


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


async def stops(system: System, parcel_id: str = "p") -> list[str]:
    """Where the parcel was, by the log."""
    found = await system.log.read(0, 10_000)
    return [
        msgspec.json.decode(event.data)["stop"]
        for event in found
        if event.stream == f"parcel:{parcel_id}"
    ]


async def reached(system: System, *expected: str, parcel_id: str = "p") -> None:
    async def there() -> bool:
        return len(await stops(system, parcel_id)) >= len(expected)

    await until(there)
    assert await stops(system, parcel_id) == list(expected)


async def marked(system: System, *offsets: str) -> None:
    async def there() -> bool:
        return tuple((await system.log.leases.marks(GROUP)).values()) == offsets

    await until(there)


async def test_an_event_leads_to_commands_once(start: Start, carrier: Carrier) -> None:
    system = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)
    await carrier.say("1", "depot", "door")
    await carrier.say("1", "depot", "door")
    await carrier.say("1", "depot", source="urn:another")
    await carrier.say("2", "never", subject="nothing")
    await carrier.say("3", "end", correlationid="order-7")
    await reached(system, "depot", "door", "depot", "end")
    last = (await system.log.read(0, 100))[-1]
    assert (last.actor, last.correlation_id) == ("system", "order-7")


async def test_what_a_crash_left_unmarked_has_its_effect_once(
    start: Start, carrier: Carrier
) -> None:
    first = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)
    for number in range(5):
        await carrier.say(str(number), f"stop {number}", "refused")
    await marked(first, "5", "")
    await first.stop()
    second = await start("inline", app, frozenset(), None, **QUICK)
    lease = (await second.log.leases.share(GROUP, "crashed", 2, 5))[0]
    await second.log.leases.mark(GROUP, {0: (lease.token, "1")})
    await second.log.leases.leave(GROUP, "crashed")
    third = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)
    await carrier.say("5", "stop 5")
    await reached(third, *(f"stop {number}" for number in range(6)))
    await until(lambda: third.inboxes.handled[CHANNEL].total() == 5)
    assert third.inboxes.handled[CHANNEL] == {"refused": 4, "decided": 1}


async def test_what_is_not_understood_is_kept_and_later_events_go_on(
    start: Start, carrier: Carrier
) -> None:
    broken.add("ice")
    system = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)
    await carrier.say("1", source="")
    await carrier.say("2", specversion="2.0")
    await carrier.say("3", data=b"\xff no json")
    await carrier.say("4", time="yesterday")
    await carrier.say("5", "ice")
    await carrier.say("6", type="com.carrier.parcel.weighed")
    await carrier.say("7", "door")
    await reached(system, "door")
    await until(lambda: system.inboxes.handled[CHANNEL].total() == 7)
    assert system.inboxes.handled[CHANNEL] == {"kept": 5, "passed over": 1, "decided": 1}
    kept = {one.offset: one for one in await system.log.inbox.rejected(10)}
    assert {one.channel for one in kept.values()} == {CHANNEL}
    reasons = {offset: one.reason for offset, one in kept.items()}
    assert "it has no source" in reasons["1"]
    assert "version is 2.0" in reasons["2"]
    assert "can't be read as Delivered" in reasons["3"]
    assert "its time can't be read" in reasons["4"]
    assert reasons["5"] == "RuntimeError: ice is broken"
    assert kept["3"].data == b"\xff no json"
    assert kept["3"].attributes["id"] == "3"
    assert await system.inboxes.kept() == 5
    assert system.inboxes.stopped() == {}


async def test_a_store_that_is_down_is_waited_for(
    start: Start, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More often than anything else is tried again; nothing is kept aside for it."""
    system = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)
    handle, calls = system.commands.handle_queued, 0

    async def down(command: object, queued: object) -> object:
        nonlocal calls
        calls += 1
        if calls <= 5:
            raise StoreUnavailable("the log", "it is down")
        return await handle(command, queued)  # type: ignore[arg-type]

    monkeypatch.setattr(system.commands, "handle_queued", down)
    await carrier.say("1", "depot")
    await carrier.say("2", "door")
    await reached(system, "depot", "door")
    assert await system.inboxes.kept() == 0


async def test_processes_share_the_partitions(start: Start, carrier: Carrier) -> None:
    first = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)
    second = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)

    async def shared() -> bool:
        return set((await first.log.leases.members(GROUP)).values()) == {1}

    await until(shared)
    for number in range(20):
        for partition in (0, 1):
            parcel_id, id_ = f"p{partition}", f"{partition}-{number}"
            await carrier.say(id_, str(number), partition=partition, parcel=parcel_id)
    in_order = [str(number) for number in range(20)]
    for partition in (0, 1):
        await reached(first, *in_order, parcel_id=f"p{partition}")
    by_each = [one.inboxes.handled[CHANNEL].total() for one in (first, second)]
    assert min(by_each) > 0
    await marked(first, "20", "20")
    await second.stop()
    await carrier.say("late-0", "end", partition=0, parcel="p0")
    await carrier.say("late-1", "end", partition=1, parcel="p1")
    for partition in (0, 1):
        await reached(first, *in_order, "end", parcel_id=f"p{partition}")


async def test_partitions_beyond_those_declared_are_told(start: Start, carrier: Carrier) -> None:
    transport = carrier.connect()
    await transport.open([Channel(CHANNEL, 3)])
    await transport.publish(CHANNEL, [Message(2, "", {}, b"")])
    system = await start("inline", app, SCHEDULER, carrier.connect(), **QUICK)
    await until(lambda: bool(system.inboxes.stopped()))
    (why,) = system.inboxes.stopped().values()
    assert "messages in partition 2, and its inbox declares 2" in why


async def test_without_a_broker_the_inbox_is_idle(start: Start) -> None:
    system = await start("inline", app, SCHEDULER, None, **QUICK)
    assert system.inboxes.idle == (CHANNEL,)
    assert system.inboxes.stopped() == {}


async def test_a_plain_client_of_redis_publishes(start: Start, redis_server: str) -> None:
    channel = fresh_channel().name
    greeting = greetings(Inbox(channel))
    client = plain.from_url(redis_server, decode_responses=True, protocol=2)
    for _ in range(2):
        await client.xadd(
            f"{channel}:0",
            {
                "ce_specversion": "1.0",
                "ce_id": "1",
                "ce_source": "https://example.com/greetings",
                "ce_type": "com.example.greeted",
                "ce_subject": "p",
                "content-type": "application/json",
                "data": '{"name":"Ada"}',
            },
        )
    await client.xadd(f"{channel}:0", {"temperature": "21"})
    await client.aclose()
    system = await start("inline", greeting, SCHEDULER, RedisTransport(redis_server), **QUICK)
    await until(lambda: system.inboxes.handled[channel].total() == 3)
    assert await stops(system) == ["Ada"]
    (kept,) = await system.log.inbox.rejected(10)
    assert kept.data == b'{"temperature":"21"}'


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
async def test_a_plain_client_of_kafka_publishes(start: Start, kafka_server: str) -> None:
    topic = fresh_channel().name
    place = {"bootstrap.servers": kafka_server.removeprefix("kafka://")}
    admin = AdminClient(place)
    made = admin.create_topics([NewTopic(topic, 3, 1)])[topic]
    await asyncio.to_thread(made.result, 10)
    headers: list[tuple[str, str | bytes | None]] = [
        ("ce_specversion", "1.0"),
        ("ce_id", "1"),
        ("ce_source", "https://example.com/greetings"),
        ("ce_type", "com.example.greeted"),
        ("ce_subject", "p"),
        ("content-type", "application/json"),
    ]
    producer = Producer(place)
    for partition in (0, 1, 1, 2):
        producer.produce(topic, b'{"name":"Ada"}', partition=partition, headers=headers)
    await asyncio.to_thread(producer.flush, 10)
    few = await start(
        "inline", greetings(Inbox(topic)), SCHEDULER, KafkaTransport(kafka_server), **QUICK
    )
    await until(lambda: bool(few.inboxes.stopped()))
    assert "messages in partition 2, and its inbox declares 1" in str(few.inboxes.stopped())
    await few.stop()
    every = greetings(Inbox(topic, partitions=3))
    system = await start("inline", every, SCHEDULER, KafkaTransport(kafka_server), **QUICK)
    await until(lambda: system.inboxes.handled[topic].total() == 4)
    assert await stops(system) == ["Ada"]
