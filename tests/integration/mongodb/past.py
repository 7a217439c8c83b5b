"""What happens in the library while read models are followed."""

from __future__ import annotations

import asyncio

from tests.library import AuthorId, BookId, Discard, Lend, NameAuthor, Register, Return
from tests.simulation.oracle import actual, expected
from twofold import System

READERS = 3


async def happen(system: System, books: int, first: int = 0) -> None:
    """Registered, lent, given back and discarded: rows come, change and go."""
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name=f"Herbert {first}"))
    for number in range(first, first + books):
        one = BookId(f"b-{number}")
        register = Register(
            book_id=one, title=f"Dune {number}", author_id=AuthorId("a-1"), subjects=("desert",)
        )
        await system.send(register)
        await system.send(Lend(book_id=one, reader=f"reader-{number % READERS}"))
        if number % 2:
            await system.send(Return(book_id=one))
        if number % 5 == 0:
            await system.send(Discard(book_id=one))


async def caught_up(system: System) -> None:
    """Wait until every read model has everything, and compare it with the log."""
    async with asyncio.timeout(60):
        await system.progress.refresh()
        await system.progress.reach(list(system.tables.values()), await system.log.head(), 55)
    assert await actual(system) == await expected(system)
