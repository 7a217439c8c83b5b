"""Messages that were kept aside are looked at, tried again, or dismissed, each once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests.integration.conftest import Start
from tests.parcels import CHANNEL, DELIVERED, app, broken
from tests.proposals import Level, Submit
from tests.waiting import until
from twofold import Caller, Sent, System
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.errors import StoreUnavailable
from twofold.ops.cli import app as cli
from twofold.ports.inbox import Rejected
from twofold.ports.transport import Channel, Message
from twofold.runtime.audit import AUDIT
from twofold.runtime.queued.seals import Seals
from twofold.runtime.rejected import RejectedMessages

ROLES = frozenset({"api", "relay", "projector"})
QUICK = {"lease_seconds": 0.6, "poll_seconds": 0.05, "retry_seconds": 0.01, "partitions": 2}
NOISE = [Message(n, "k", {"type": "noise"}, b"\xff") for n in range(2)]


@pytest.fixture(autouse=True)
def repaired() -> Iterator[None]:
    yield
    broken.clear()


async def submit(system: System) -> None:
    await system.send(
        Submit(title="Safety at work", level=Level.BEGINNER), Sent(caller=Caller("ann"))
    )


async def kept(system: System, count: int) -> list[Rejected]:
    async def there() -> bool:
        return len(await system.log.inbox.rejected(1_000)) >= count

    await until(there)
    return list(await system.log.inbox.rejected(1_000))


async def test_what_is_not_ours_among_events_is_kept_once_whoever_reads_it(start: Start) -> None:
    broker = MemoryBroker()
    transport = MemoryTransport(broker)
    first = await start("async", roles=ROLES, transport=transport, **QUICK)
    await transport.open([first.sharing.channel])
    await transport.publish(first.sharing.channel.name, NOISE)
    found = await kept(first, 2)
    assert {one.partition for one in found} == {0, 1}
    assert {one.reason for one in found} == {"it has no attribute logepoch"}
    # Whoever takes the partitions over reads from where the projections are: all of it again.
    await first.stop()
    projector = frozenset({"projector", "relay", "api"})
    second = await start("async", roles=projector, transport=MemoryTransport(broker), **QUICK)
    await until(lambda: second.sharing.rejected == 2)
    assert await second.log.inbox.rejected(10) == found
    assert await second.inboxes.kept() == 2


async def test_nothing_goes_on_behind_a_message_that_could_not_be_kept(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = MemoryBroker()
    transport = MemoryTransport(broker)
    system = await start("async", roles=ROLES, transport=transport, **QUICK)
    reject, down = system.log.inbox.reject, True

    async def rejected(messages: Any, limit: int = 0) -> int:
        if down:
            raise StoreUnavailable("the log", "it is down")
        return int(await reject(messages, limit))

    monkeypatch.setattr(system.log.inbox, "reject", rejected)
    await transport.open([system.sharing.channel])
    await transport.publish(system.sharing.channel.name, NOISE)
    await until(lambda: "it is down" in system.sharing.stopped().get("feed", ""))
    assert await system.log.inbox.rejected(10) == []
    down = False
    await kept(system, 2)
    await submit(system)
    await system.progress.reach(list(system.tables.values()), 1, 20)


async def test_a_flood_of_noise_neither_stops_nor_fills_anything(start: Start) -> None:
    transport = MemoryTransport(MemoryBroker())
    system = await start("async", roles=ROLES, transport=transport, rejected_messages=5, **QUICK)
    await transport.open([system.sharing.channel])
    await transport.publish(system.sharing.channel.name, NOISE * 20)
    await submit(system)
    await system.progress.reach(list(system.tables.values()), 1, 20)
    await until(lambda: system.sharing.rejected == 40)
    assert len(await system.log.inbox.rejected(1_000)) == 5


async def facts(system: System) -> int:
    """How many events there are beside those that tell what operators did."""
    return sum(event.category != AUDIT for event in await system.log.read(0, 1_000))


async def test_an_event_of_ours_is_compared_with_the_log(start: Start) -> None:
    transport = MemoryTransport(MemoryBroker())
    system = await start("async", roles=ROLES, transport=transport, **QUICK)
    await submit(system)
    (event,) = await system.log.read(0, 1)
    good = system.sharing.wire.message(event, 0, 0)
    other = msgspec.structs.replace(good, attributes={**good.attributes, "id": "another"})
    messages = RejectedMessages(system)
    for message, released in ((good, True), (other, False), (NOISE[0], False)):
        one = _rejected(system.sharing.channel.name, message, offset=str(uuid4()))
        await system.log.inbox.reject([one])
        assert (await messages.retry(one, "olga")).released is released
        known = await system.log.inbox.find_rejected(one.channel, one.partition, one.offset)
        assert (known is None) is released
    assert await facts(system) == 1


async def test_a_command_with_our_seal_is_accepted_again(start: Start) -> None:
    """As one that former code could not read."""
    transport = MemoryTransport(MemoryBroker())
    roles = frozenset({"api", "commands"})
    system = await start("async", roles=roles, transport=transport, commands="async", **QUICK)
    await system.queued.accept(
        Submit(title="Safety at work", level=Level.BEGINNER), Sent(caller=Caller("ann"))
    )
    await until(lambda: system.queued.handled.total() == 1)
    channel = system.queued.channel.name
    (message,) = [
        one[0] for (name, _), one in transport.broker.kept.items() if name == channel and one
    ]
    messages = RejectedMessages(system)
    known = _rejected(channel, message)
    await system.log.inbox.reject([known])
    assert "accepted as" in (await messages.retry(known, "olga")).told
    await until(lambda: system.queued.handled.total() == 2)
    assert await facts(system) == 1
    seal = Seals(b"another").of_message(message.data)
    forged = msgspec.structs.replace(message, attributes={**message.attributes, "seal": seal})
    retried = await messages.retry(_rejected(channel, forged), "olga")
    assert "not sealed" in retried.told


async def test_a_foreign_event_leads_to_its_commands_by_the_code_of_now(start: Start) -> None:
    transport = MemoryTransport(MemoryBroker())
    await transport.open([Channel(CHANNEL, 2)])
    system = await start(
        "inline", app, frozenset({"scheduler"}), transport, command_attempts=1, **QUICK
    )
    broken.add("ice")
    said = {"specversion": "1.0", "id": "1", "source": "urn:carrier", "type": DELIVERED}
    data = b'{"parcel":"p","stops":["depot","ice"]}'
    await transport.publish(CHANNEL, [Message(0, "p", said, data)])
    (message,) = await kept(system, 1)
    messages = RejectedMessages(system)
    assert (await messages.retry(message, "olga")).told == "RuntimeError: ice is broken"
    broken.clear()
    retried = await asyncio.gather(*(messages.retry(message, "olga") for _ in range(3)))
    assert {one.told for one in retried} == {"decided"}
    assert await system.inboxes.kept() == 0
    assert await facts(system) == 2


async def test_an_inbox_waits_where_too_much_is_kept_aside(start: Start) -> None:
    transport = MemoryTransport(MemoryBroker())
    await transport.open([Channel(CHANNEL, 2)])
    system = await start(
        "inline", app, frozenset({"scheduler"}), transport, rejected_messages=2, **QUICK
    )
    await transport.publish(CHANNEL, [Message(0, "p", {}, b"") for _ in range(4)])
    await until(lambda: "2 messages of" in str(system.inboxes.stopped()))
    found = await kept(system, 2)
    messages = RejectedMessages(system)
    for one in found:
        assert await messages.dismiss(one, "noise", "ann")
    await until(lambda: system.inboxes.handled[CHANNEL]["kept"] == 4)
    assert len(await system.log.inbox.rejected(10, dismissed=True)) == 2
    assert len(await kept(system, 2)) == 2


def _rejected(channel: str, message: Any, offset: str = "1") -> Rejected:
    return Rejected(
        channel=channel,
        partition=message.partition,
        offset=offset,
        reason="a test",
        attributes=message.attributes,
        data=message.data,
        time_us=1,
    )


@pytest.fixture
async def twofold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs ``twofold rejected`` on a database with two messages of a carrier."""
    address = f"sqlite:///{tmp_path / 'parcels.db'}"
    monkeypatch.setenv("TWOFOLD_LOG", address)
    async with assemble(app, read_settings("parcels", {"TWOFOLD_LOG": address})) as system:
        said = {"specversion": "1.0", "id": "1", "source": "urn:carrier", "type": DELIVERED}
        good = Message(0, "p", said, b'{"parcel":"p","stops":["depot"]}')
        await system.log.inbox.reject([_rejected(CHANNEL, good)])
        await system.log.inbox.reject([_rejected(CHANNEL, Message(1, "p", {}, b"noise"), "7-0")])

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["rejected", "tests.parcels:app", *arguments])

    return command


def test_an_operator_lists_shows_retries_and_dismisses(twofold: Any) -> None:
    listed = [json.loads(line) for line in twofold("--json").stdout.splitlines()]
    assert [one["place"] for one in listed] == [f"{CHANNEL}/1@7-0", f"{CHANNEL}/0@1"]
    assert "depot" in twofold("list").stdout
    assert "source: urn:carrier" in twofold("show", f"{CHANNEL}/0@1").stdout
    retried = twofold("retry", "--all")
    assert retried.exit_code == 1
    assert f"{CHANNEL}/0@1  released: decided" in retried.stdout
    assert f"{CHANNEL}/1@7-0  STAYS: no CloudEvent" in retried.stdout
    place = f"{CHANNEL}/1@7-0"
    assert twofold("dismiss", place).exit_code == 2
    assert twofold("dismiss", place, "--reason", "noise", "--by", "ann", "--yes").exit_code == 0
    again = twofold("dismiss", place, "--reason", "noise", "--yes")
    assert (again.exit_code, "somebody was faster" in again.stdout) == (1, True)
    assert twofold("list").stdout == ""
    (dismissed,) = [
        json.loads(line) for line in twofold("--dismissed", "--json").stdout.splitlines()
    ]
    assert (dismissed["dismissed"]["by"], dismissed["dismissed"]["reason"]) == ("ann", "noise")


@pytest.mark.parametrize("arguments", [("show",), ("show", "nonsense"), ("retry", "c/0@9")])
def test_what_is_not_there_is_said(twofold: Any, arguments: tuple[str, ...]) -> None:
    assert twofold(*arguments).exit_code == 2
