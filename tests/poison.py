"""Folds that break as they are told, and the proof that nothing of it stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from tests.library import AuthorId, BookId, Lend, Register, Return
from tests.waiting import until
from twofold import System
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.ports.read_store import Select
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.sequences import parked_table, waiting_table
from twofold.runtime.parking.views import ReleaseView
from twofold.runtime.verification import Verification, Verified

OPERATOR = Discarding(actor="olga", reason="a test")


class Broken(Exception):
    """What the broken code raises."""


@contextmanager
def broken(
    system: System, projection: str, event: str, when: Callable[[Any], bool] = lambda event: True
) -> Iterator[None]:
    """All folds of ``event`` raise for events (or parts) that fit ``when``."""
    folds = system.wired.foldings[projection].folds
    kept = folds[event]

    def breaking(function: Callable[..., Any]) -> Callable[..., Any]:
        def fold(document: Any, subject: Any, *others: Any) -> Any:
            if when(subject):
                raise Broken("as told")
            return function(document, subject, *others)

        return fold

    folds[event] = tuple(msgspec.structs.replace(f, function=breaking(f.function)) for f in kept)
    try:
        yield
    finally:
        folds[event] = kept


async def register(system: System, *ids: str, subjects: tuple[str, ...] = ()) -> None:
    for one in ids:
        await system.send(
            Register(book_id=BookId(one), title=one, author_id=AuthorId("a-1"), subjects=subjects)
        )


async def lent(system: System, book: str, *readers: str) -> None:
    for reader in readers:
        await system.send(Lend(book_id=BookId(book), reader=reader))
        await system.send(Return(book_id=BookId(book)))


async def settled(system: System) -> None:
    """Everything is applied or waits for a person."""
    head = await system.log.head()
    for table in system.tables.values():
        await system.progress.reach([table], head, 60)
    await until(lambda: given_up(system))


async def given_up(system: System) -> bool:
    return (await ParkedDesk(system).page(state="retrying")).total == 0


async def rows(system: System, projection: str) -> dict[str, Any]:
    found = await system.read_store.rows(system.tables[projection], None, 1_000)
    return {row.key: msgspec.json.decode(row.document) for row in found}


async def waiting(system: System, projection: str) -> int:
    table = waiting_table(system.tables[projection])
    return (await system.read_store.select(table, Select())).total or 0


async def verified(system: System, projection: str) -> Verified:
    (applier,) = (one for one in system.appliers if one.name == projection)
    shadow = MemoryReadStore()
    await shadow.open(applier.tables)
    return await Verification(
        applier, system.log, system.read_store, shadow, system.wired.events, system.clock, 50
    ).run()


async def equal_a_replay(system: System) -> None:
    """Every read model is what the log says, and nothing waits anywhere."""
    await settled(system)
    for applier in system.appliers:
        found = await verified(system, applier.name)
        assert (found.differences, found.moving, found.parked, found.deviating) == ((), 0, 0, 0)
        assert await waiting(system, applier.name) == 0
        assert (await system.read_store.select(parked_table(applier.table), Select())).total == 0
        assert system.progress.checkpoint(applier.table).parked == 0


async def released(system: System, projection: str, sequence: str) -> ReleaseView:
    return await ParkedDesk(system).release(projection, sequence, actor="olga")
