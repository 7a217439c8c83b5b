"""Consumers that want different events, over each broker: none takes anything from another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing

import pytest

from tests.integration.brokers.faults import fresh_channel
from tests.integration.brokers.foreign import Read, from_kafka, from_rabbitmq, from_redis
from tests.integration.conftest import Start
from tests.integration.test_commands import ANN, RITA, draft
from tests.proposals import Accept, Withdraw
from twofold import Sent, System
from twofold.assembly.brokers import transport_of
from twofold.ports.read_store import Select
from twofold.runtime.partitions.wire import WATERMARK

PARTITIONS, PROPOSALS = 3, 60
READS: Mapping[str, Read] = {
    "redis": from_redis,
    "rabbitmq": from_rabbitmq,
    "kafka": from_kafka,
}


async def decided(system: System, number: int) -> None:
    """Of three proposals one is accepted, one withdrawn, and one left as it is."""
    done = await system.send(draft(), Sent(caller=ANN))
    if number % 3 == 0:
        await system.send(Accept(proposal_id=done.identity), Sent(caller=RITA))
    elif number % 3 == 1:
        await system.send(Withdraw(proposal_id=done.identity), Sent(caller=ANN))


@pytest.mark.parametrize("broker", READS)
@pytest.mark.parametrize("stores", ["memory"], indirect=True)
async def test_each_sees_all_of_its_events(
    start: Start, broker: str, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue(f"{broker}_server")
    settings = {"partitions": PARTITIONS, "channel_prefix": f"{fresh_channel().name}."}
    systems: list[System] = [
        await start("async", roles=frozenset(roles), transport=transport_of(address), **settings)
        for roles in ({"api", "relay"}, {"projector"}, {"projector"})
    ]
    api = systems[0]
    for begin in range(0, PROPOSALS, 10):
        await asyncio.gather(*(decided(api, n) for n in range(begin, begin + 10)))
    head = await api.log.head()

    async def read_elsewhere() -> list[Mapping[str, str]]:
        """Until all of the log has come by."""
        found: dict[int, Mapping[str, str]] = {}
        read = READS[broker](address, api.sharing.channel.name, PARTITIONS)
        async with aclosing(read) as messages:
            async for said in messages:
                if said["type"] != WATERMARK:
                    found.setdefault(int(said["position"]), said)
                if len(found) == head:
                    break
        return list(found.values())

    async with asyncio.timeout(60):
        foreign = await read_elsewhere()
    logged = await api.log.read(0, head)
    assert {one["id"] for one in foreign} == {one.id for one in logged}
    versions: dict[str, int] = {}
    for one in foreign:
        assert int(one["streamversion"]) == versions.get(one["subject"], 0) + 1
        versions[one["subject"]] = int(one["streamversion"])

    await api.progress.reach(list(api.tables.values()), head, 60)
    accepted = withdrawn = PROPOSALS // 3
    assert await documents(api, "portfolio_item", "status") == Counter(
        accepted=accepted, withdrawn=withdrawn, submitted=PROPOSALS - accepted - withdrawn
    )
    assert await documents(api, "author_page", "proposals") == Counter({PROPOSALS: 1})
    assert await documents(api, "acceptances", "count") == Counter({accepted: 1})


async def documents(system: System, projection: str, field: str) -> Counter[object]:
    """How often which value is in the documents of a projection."""
    found = await system.read_store.select(system.tables[projection], Select(limit=1_000))
    model = system.wired.foldings[projection].model
    return Counter(getattr(model.decode(raw), field) for raw in found.documents)
