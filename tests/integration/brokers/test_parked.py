"""Poison that comes over each broker into each read store: it waits alone, and is released."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from tests import library
from tests.integration.brokers.faults import fresh_channel
from tests.integration.conftest import Start
from tests.library import AuthorId, NameAuthor
from tests.poison import (
    broken,
    equal_a_replay,
    lent,
    register,
    released,
    rows,
    settled,
    waiting,
)
from twofold import System
from twofold.assembly.brokers import transport_of
from twofold.runtime.parking.desk import ParkedDesk

CATALOGUE, PARTITIONS = "catalogue", 3
# By book: the event that its folds raise for, at the beginning, within, at the end of its stream.
POISON: dict[str, tuple[str, Any]] = {
    "first": ("book.Registered", lambda event: event.title == "first"),
    "middle": ("book.Lent", lambda event: event.reader == "bob of middle"),
    "last": ("book.Returned", lambda event: event.reader == "cid of last"),
}
WAITING = {"first": 7, "middle": 4, "last": 1}


async def started(start: Start, address: str) -> tuple[System, list[System]]:
    """An api that relays, and two projectors, as processes of their own would be."""
    settings: dict[str, Any] = {
        "partitions": PARTITIONS,
        "channel_prefix": f"{fresh_channel().name}.",
        "poll_seconds": 0.05,
        "retry_seconds": 0.01,
        "retry_limit_seconds": 0.02,
        "parked_attempts": 2,
    }
    systems: list[System] = [
        await start(
            "async",
            library.app,
            roles=frozenset(roles),
            transport=transport_of(address),
            **settings,
        )
        for roles in ({"api", "relay"}, {"projector"}, {"projector"})
    ]
    return systems[0], systems[1:]


@pytest.mark.parametrize("broker", ["redis", "rabbitmq", "kafka"])
@pytest.mark.parametrize("stores", ["sqlite", "postgres", "mongodb"], indirect=True)
async def test_poison_waits_alone_and_ends_as_if_nothing_had_been(
    start: Start, broker: str, request: pytest.FixtureRequest
) -> None:
    api, projectors = await started(start, request.getfixturevalue(f"{broker}_server"))
    await api.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    with ExitStack() as code:
        for one in projectors:
            for event, when in POISON.values():
                code.enter_context(broken(one, CATALOGUE, event, when))
        await register(api, *POISON, "fine")
        for book in (*POISON, "fine"):
            await lent(api, book, *(f"{reader} of {book}" for reader in ("ann", "bob", "cid")))
        await settled(api)
    page = await ParkedDesk(api).page(CATALOGUE)
    found = {one.sequence.removeprefix("document:"): one.event for one in page.items}
    assert found == {book: event for book, (event, _) in POISON.items()}
    assert await waiting(api, CATALOGUE) == sum(WAITING.values())
    assert "fine" in await rows(api, CATALOGUE)
    for book, events in WAITING.items():
        done = await released(api, CATALOGUE, f"document:{book}")
        assert (done.applied, done.again) == (events, None)
    await equal_a_replay(api)
