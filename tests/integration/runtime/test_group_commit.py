"""Commands are written together; what is wrong with one is its own affair."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests import library
from tests.integration.conftest import Start, Stores
from tests.integration.runtime.conftest import Open
from tests.library import AuthorId, BookId, Lend, NameAuthor, Register, ShelfId, Stock
from twofold import (
    Application,
    Command,
    Event,
    EventSourced,
    Module,
    RuntimeSettings,
    System,
    Value,
    anyone,
    internal,
)
from twofold.errors import ConcurrencyConflict
from twofold.ports.log import Loaded
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.parking.desk import ParkedDesk
from twofold.testing import FaultPlan, FaultyLog

SHELF = ShelfId("s-1")


def stock(copies: int, shelf: str = SHELF) -> Stock:
    return Stock(shelf_id=ShelfId(shelf), copies=copies)


class Overtaken(FaultyLog):
    """A log on which somebody else is always a little faster."""

    def __init__(self, log: Any, overtake: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(log, FaultPlan(SystemClock()))
        self._overtake = overtake

    async def load(self, folds: Mapping[str, str]) -> Mapping[str, Loaded]:
        """What is loaded is old before it arrives."""
        loaded = await super().load(folds)
        await self._overtake()
        return loaded


@asynccontextmanager
async def overtaken(
    rival: System, stores: Stores, times: int, attempts: int
) -> AsyncIterator[System]:
    """A system that finds its stream changed by its rival, the first ``times`` times."""
    left = times

    async def overtake() -> None:
        nonlocal left
        if left:
            left -= 1
            await rival.send(stock(1))

    log, read_store = stores()
    system = System(
        library.app,
        Overtaken(log, overtake),
        read_store,
        clock=SystemClock(),
        chance=SeededChance(),
        settings=RuntimeSettings(decide_attempts=attempts),
    )
    async with system:
        yield system


async def test_a_conflict_is_decided_again_on_what_is_true(opened: Open, stores: Stores) -> None:
    async with overtaken(await opened(), stores, times=3, attempts=4) as system:
        await system.send(stock(10))
        kept = (await system.log.load({f"shelf:{SHELF}": "state"}))[f"shelf:{SHELF}"].snapshot
        assert kept is not None
        assert kept.state == b'{"copies":13}'


async def test_deciding_again_has_a_limit(opened: Open, stores: Stores) -> None:
    async with overtaken(await opened(), stores, times=100, attempts=4) as system:
        with pytest.raises(ConcurrencyConflict) as conflict:
            await system.send(stock(10))
        seen = conflict.value
        assert (seen.attempts, seen.expected, seen.actual) == (4, 3, 4)
        assert await system.log.head() == 4


async def test_a_conflicting_command_delays_nobody_in_its_group(opened: Open) -> None:
    one, other = await opened(), await opened()
    await asyncio.gather(*(one.send(stock(1, f"s-{n}")) for n in range(10)))
    await other.send(stock(5, "s-3"))
    transactions = 0
    begin = one.log.transaction

    def counted() -> Any:
        nonlocal transactions
        transactions += 1
        return begin()

    one.log.transaction = counted
    done = await asyncio.gather(*(one.send(stock(1, f"s-{n}")) for n in range(10)))
    # All ten, of which one came too late; then that one again.
    assert transactions == 2
    assert [msgspec.json.decode(d.answer)["version"] for d in done] == [2, 2, 2, 3] + [2] * 6


async def test_a_poison_event_of_another_process_is_no_commands_own_fault(
    start: Start, opened: Open
) -> None:
    inline: System = await opened("inline")
    silent = await start("async", library.app, roles=frozenset({"api"}))
    folds = inline.wired.foldings["authors"].folds
    (fold,) = folds["author.Named"]
    folds["author.Named"] = (msgspec.structs.replace(fold, function=lambda *_: 1 / 0),)
    await silent.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    await asyncio.gather(*(inline.send(stock(1, f"s-{n}")) for n in range(5)))
    parked = inline.progress.checkpoint(inline.tables["authors"])
    assert (parked.position, parked.parked) == (6, 1)
    folds["author.Named"] = (fold,)
    await ParkedDesk(inline).release("authors", "document:a-1", actor="olga")
    assert await inline.read_store.get(inline.tables["authors"], "a-1") is not None


async def test_a_document_that_becomes_no_row_is_parked_and_no_command_fails(opened: Open) -> None:
    system: System = await opened("inline")
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    folds = system.wired.foldings["catalogue"].folds
    (fold,) = folds["book.Registered"]

    def misnaming(entry: Any, event: Any, meta: Any) -> Any:
        made = fold.function(entry, event, meta)
        return made.but(book_id=BookId("else")) if event.title == "Poison" else made

    folds["book.Registered"] = (msgspec.structs.replace(fold, function=misnaming),)
    await asyncio.gather(
        *(
            system.send(
                Register(
                    book_id=BookId(f"b-{n}"),
                    title="Poison" if n == 3 else "Dune",
                    author_id=AuthorId("a-1"),
                )
            )
            for n in range(8)
        )
    )
    assert await system.log.head() == 9
    parked = (await ParkedDesk(system).page("catalogue")).items
    assert [one.sequence for one in parked] == ["document:b-3"]


async def test_what_a_store_cannot_hold_fails_its_command_alone(start: Start) -> None:
    """Whether the store refuses the row or takes it: the others are written."""
    system = await start("inline", library.app)
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    titles = ["Dune", "nul \x00", "surrogate \ud800", "Emma"]
    results = await asyncio.gather(
        *(
            system.send(Register(book_id=BookId(f"b-{n}"), title=title, author_id=AuthorId("a-1")))
            for n, title in enumerate(titles)
        ),
        return_exceptions=True,
    )
    assert not isinstance(results[0], Exception)
    assert not isinstance(results[3], Exception)
    assert isinstance(results[2], UnicodeEncodeError)


class Made(Event):
    size: int


class Make(Command):
    name: str
    size: int


class Thing(Value):
    size: int


async def test_a_decision_whose_answer_fails_leaves_no_ghost(start: Start) -> None:
    thing = EventSourced(Thing, str, name="thing")

    @thing.decides
    def make(state: Thing | None, command: Make) -> Made:
        return Made(size=command.size + (state.size if state else 0))

    @thing.evolves
    def made(state: Thing | None, event: Made) -> Thing:
        return Thing(size=event.size)

    @thing.answers
    def answered(identity: str, state: Thing) -> dict[str, float]:
        return {"share": 1 / state.size}

    application = Application("things", Module("things", thing, internal(Make, may=anyone)))
    one, other = await start("inline", application), await start("inline", application)
    with pytest.raises(ZeroDivisionError):
        await one.send(Make(name="t", size=0))
    # The other brings the stream to the very version at which the ghost would stand.
    await other.send(Make(name="t", size=5))
    await one.send(Make(name="t", size=1))
    assert [e.data for e in await one.log.read(0, 10)] == [b'{"size":5}', b'{"size":6}']


async def test_more_streams_than_are_kept_make_no_difference(opened: Open) -> None:
    system: System = await opened(cached_streams=3)
    for _ in range(3):
        await asyncio.gather(*(system.send(stock(1, f"s-{n % 10}")) for n in range(40)))
    loaded = await system.log.load({f"shelf:s-{n}": "state" for n in range(10)})
    assert {one.snapshot.state for one in loaded.values() if one.snapshot} == {b'{"copies":12}'}


async def test_refusals_do_not_hold_up_what_is_allowed(opened: Open) -> None:
    system: System = await opened()
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    book = BookId("b-1")
    await system.send(Register(book_id=book, title="Dune", author_id=AuthorId("a-1")))
    results = await asyncio.gather(
        *(system.send(Lend(book_id=book, reader=f"r-{n}")) for n in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(r, library.AlreadyLent) for r in results) == 19
