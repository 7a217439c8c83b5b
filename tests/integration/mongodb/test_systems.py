"""Systems whose read models are in MongoDB: tokens, several projectors, equality with the log."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.integration.mongodb.conftest import Start
from tests.integration.mongodb.past import caught_up, happen
from tests.library import AuthorId, BookId, Lend, NameAuthor, Register, Return
from twofold import Asked, System
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.domain.projection import OneOf
from twofold.ports.log import LogTransaction
from twofold.wiring.routes import Route

ROUNDS = 60


def catalogue(system: System) -> Route:
    """The question for one book."""
    asked = (r for r in system.wired.routes if isinstance(r.target, OneOf))
    return next(r for r in asked if r.target.projection.name == "catalogue")


async def test_what_was_done_is_there_with_the_token_in_every_process(start: Start) -> None:
    api, other = await start("api"), await start("api")
    await start("projector")
    await api.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    one = BookId("b-1")
    await api.send(Register(book_id=one, title="Dune", author_id=AuthorId("a-1")))
    for number in range(ROUNDS):
        lent = await api.send(Lend(book_id=one, reader=f"reader-{number}"))
        for system in (api, other):
            asked = Asked(token=api.tokens.token(lent.position), wait_seconds=20)
            system.progress.saw_head(lent.position)
            found = await system.queries.one(catalogue(system), one, asked)
            assert msgspec.json.decode(found.answer)["reader"] == f"reader-{number}"
        await api.send(Return(book_id=one))


async def test_several_projectors_apply_each_event_once(start: Start) -> None:
    api = await start("api")
    for _ in range(3):
        await start("projector")
    await asyncio.gather(*(happen(api, 10, first * 100) for first in range(4)))
    await caught_up(api)


async def test_a_log_of_any_length_fills_an_empty_store(start: Start) -> None:
    api = await start("api")
    await happen(api, 30)
    await start("projector")
    await caught_up(api)


async def test_no_log_is_joined(start: Start) -> None:
    system = await start("api")
    assert isinstance(system.read_store, MongoReadStore)
    async with system.log.transaction() as transaction:
        joined: LogTransaction = transaction
        with pytest.raises(TypeError, match="can't be written in the log's transaction"):
            system.read_store.within(joined)
