"""Read models are compared all the time: what is wrong is found, and nobody is disturbed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests import library
from tests.integration.conftest import Stores
from tests.integration.test_alerts import Receiver
from tests.poison import broken
from tests.proposals import Level, Submit, app
from tests.waiting import until
from twofold import Caller, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.assembly.assemble import shadow_store
from twofold.errors import StoreFull
from twofold.ports.leases import Lease
from twofold.ports.read_store import ReadStore, Row
from twofold.runtime.alerting.alerting import Alerting
from twofold.runtime.alerting.kinds import KINDS
from twofold.runtime.alerting.limits import AlertLimits
from twofold.runtime.applying import Applier
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.proving.notes import DAY_US, Found, Note, Stretch, note_of
from twofold.runtime.proving.proving import Proving
from twofold.testing import FaultPlan, FaultyReadStore, VirtualClock, run_virtual

AUTHOR = Sent(caller=Caller("ada", roles=frozenset({"author"})))
NAME, TABLE = "portfolio_item", "portfolio_item_1"


async def submit(system: System, count: int = 1) -> None:
    for number in range(count):
        await system.send(Submit(title=f"Safety {number:03}", level=Level.BEGINNER), AUTHOR)


async def tamper(store: ReadStore, rows: Sequence[Row], gone: Sequence[str]) -> None:
    """Rows change behind our back: no event says so."""
    async with store.transaction() as transaction:
        await transaction.hold(TABLE)
        await transaction.write(TABLE, rows, gone)
        await transaction.mend(TABLE, 0)


async def changed(store: ReadStore) -> str:
    (row,) = await store.rows(TABLE, None, 1)
    document = msgspec.json.decode(row.document) | {"title": "Changed by hand"}
    values = tuple("Changed by hand" if v == "Safety 000" else v for v in row.values)
    other = msgspec.structs.replace(
        row, document=msgspec.json.encode(document), values=values, texts=("Changed by hand",)
    )
    await tamper(store, [other], [])
    return row.key


async def deleted(store: ReadStore) -> str:
    (row,) = await store.rows(TABLE, None, 1)
    await tamper(store, [], [row.key])
    return row.key


async def added(store: ReadStore) -> str:
    (row,) = await store.rows(TABLE, None, 1)
    other = msgspec.structs.replace(row, key="nobody", texts=("Safety 000",))
    await tamper(store, [other], [])
    return "nobody"


DEEDS: dict[str, Callable[[ReadStore], Awaitable[str]]] = {
    "changed": changed,
    "missing": deleted,
    "foreign": added,
}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("stores", ["sqlite", "postgres", "mongodb"], indirect=True)
async def test_what_was_done_behind_our_back_is_found(stores: Stores, deed: str) -> None:
    log, store = stores()
    settings = RuntimeSettings(
        projections="async", verify_share=0.5, verify_round_seconds=0.05, poll_seconds=0.05
    )
    async with System(
        app,
        log,
        store,
        clock=SystemClock(),
        chance=SeededChance(),
        settings=settings,
        shadows=shadow_store,
        beside=[Proving],
    ) as system:
        await submit(system, 3)

        async def proven() -> bool:
            note = await note_of(log, NAME, TABLE)
            return note.rows == 3 and note.rounds > 0 and not note.running

        await until(proven, 60)
        assert (await note_of(log, NAME, TABLE)).differing == 0
        key = await DEEDS[deed](store)

        async def found() -> bool:
            return (await note_of(log, NAME, TABLE)).differing == 1

        await until(found, 60)
        (one,) = (await note_of(log, NAME, TABLE)).found
        assert (one.key, one.kind) == (key, deed)
        assert ("title" in one.fields) == (deed == "changed")
        assert one.position > 0


@asynccontextmanager
async def memory_shadow() -> AsyncIterator[ReadStore]:
    yield MemoryReadStore()


class World:
    """Processes in virtual time; reading rows takes a tenth of a second."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.clock = VirtualClock()
        self.receiver = Receiver()
        self.plan = FaultPlan(self.clock)
        self.proving: list[Proving] = []
        self._stack = stack
        self._storage, self.tables = MemoryStorage(), MemoryTables()

    async def start(self, share: float = 0.1, **settings: Any) -> System:
        def proving(system: System) -> Proving:
            self.proving.append(Proving(system))
            return self.proving[-1]

        def alerting(system: System) -> Alerting:
            return Alerting(system, channels=[self.receiver])

        system = System(
            app,
            MemoryLog(self._storage),
            FaultyReadStore(MemoryReadStore(self.tables), self.plan),
            clock=self.clock,
            chance=SeededChance(len(self.proving)),
            settings=RuntimeSettings(
                projections="async",
                verify_share=share,
                alerts=AlertLimits(seconds=5.0),
                **settings,
            ),
            roles=frozenset({"api", "projector"}),
            shadows=memory_shadow,
            beside=[proving, alerting],
        )
        self._stack.push_async_callback(system.stop)
        await system.start()
        return system


def virtually(story: Callable[[World], Awaitable[None]]) -> None:
    async def lived() -> None:
        async with AsyncExitStack() as stack:
            await story(World(stack))

    run_virtual(lived)


def test_a_difference_is_told_and_that_it_is_mended() -> None:
    async def story(world: World) -> None:
        system = await world.start()
        await submit(system, 3)
        await world.clock.sleep(120)
        assert world.receiver.got == []
        (key, row), *_ = sorted(world.tables.rows[TABLE].items())
        del world.tables.rows[TABLE][key]
        await world.clock.sleep(120)
        assert world.receiver.about(f"difference/{NAME}") == ["opened"]
        assert key not in repr(world.receiver.got)
        world.tables.rows[TABLE][key] = row
        await world.clock.sleep(180)
        assert world.receiver.about(f"difference/{NAME}") == ["opened", "recovered"]

    virtually(story)


def test_a_verification_that_stands_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # A day of it is a minute, and six hours are half a minute.
    monkeypatch.setattr("twofold.runtime.proving.notes.DAY_US", 60_000_000)
    monkeypatch.setattr("twofold.runtime.proving.notes._GRAIN_US", 1_000_000)
    quick = msgspec.structs.replace(KINDS["unproven"], hold_seconds=30)
    monkeypatch.setitem(KINDS, "unproven", quick)
    turn = Proving._turn

    async def without_room(self: Proving, applier: Applier, lease: Lease) -> None:
        raise StoreFull("SQLite", "no room for a shadow")

    async def story(world: World) -> None:
        system = await world.start(verify_round_seconds=5.0)
        await submit(system, 3)
        await world.clock.sleep(120)
        assert world.receiver.got == []
        monkeypatch.setattr(Proving, "_turn", without_room)
        await world.clock.sleep(70)
        assert world.receiver.got == []
        await world.clock.sleep(60)
        assert world.receiver.about(f"unproven/{NAME}") == ["opened"]
        monkeypatch.setattr(Proving, "_turn", turn)
        await world.clock.sleep(180)
        assert world.receiver.about(f"unproven/{NAME}") == ["opened", "recovered"]

    virtually(story)


def test_no_more_than_its_share_of_the_time_is_worked() -> None:
    async def story(world: World) -> None:
        system = await world.start(share=0.1, verify_round_seconds=0.0)
        await submit(system, 20)
        await world.clock.sleep(10)
        # Whatever is asked of the read store takes its time now.
        world.plan.slow_down(delays=1.0, delay_seconds=0.2)
        before = world.proving[0].worked_seconds
        await world.clock.sleep(300)
        worked = world.proving[0].worked_seconds - before
        assert 0 < worked <= 0.1 * 300 + 2

    virtually(story)


def test_rows_that_change_all_the_time_are_no_differences() -> None:
    async def story(world: World) -> None:
        system = await world.start(share=0.9, verify_round_seconds=0.0)
        for _ in range(60):
            await submit(system, 2)
            await world.clock.sleep(0.7)
        note = await note_of(system.log, NAME, TABLE)
        assert note.rounds > 0
        assert note.differing == 0

    virtually(story)


def test_a_restart_goes_on_with_the_accounting() -> None:
    async def story(world: World) -> None:
        system = await world.start()
        await submit(system, 5)
        await world.clock.sleep(130)
        before = await note_of(system.log, NAME, TABLE)
        assert before.rounds > 0
        assert before.share(_now_us(world)) == 1.0
        await system.stop()
        await world.clock.sleep(3600)
        again = await world.start()
        await world.clock.sleep(20)
        after = await note_of(again.log, NAME, TABLE)
        assert after.rounds >= before.rounds
        assert after.share(_now_us(world)) == 1.0

    virtually(story)


def test_two_processes_do_not_prove_the_same() -> None:
    async def story(world: World) -> None:
        one = await world.start(verify_round_seconds=10.0)
        await world.start(verify_round_seconds=10.0)
        await submit(one, 3)
        await world.clock.sleep(200)
        note = await note_of(one.log, NAME, TABLE)
        assert 10 <= note.rounds <= 21
        assert note.differing == 0

    virtually(story)


def _now_us(world: World) -> int:
    return round(world.clock.now().timestamp() * 1e6)


HOUR = 3600 * 1_000_000


def test_rows_count_as_proven_for_a_day() -> None:
    note = Note("t").began(300, 10 * HOUR).proven("c", 100, 0, (), 10 * HOUR)
    assert note.share(10 * HOUR) == pytest.approx(1 / 3)
    note = note.proven("f", 100, 0, (), 20 * HOUR).proven(None, 100, 0, (), 30 * HOUR)
    assert note.share(30 * HOUR) == 1.0
    assert note.share(10 * HOUR + DAY_US + 1) == pytest.approx(2 / 3)
    again = note.began(300, 40 * HOUR).proven("d", 130, 0, (), 40 * HOUR)
    assert again.share(40 * HOUR) == 1.0
    assert again.share(20 * HOUR + DAY_US + 1) == pytest.approx(230 / 300)


def test_an_empty_read_model_can_be_proven() -> None:
    note = Note("t").began(0, HOUR)
    assert note.share(HOUR) == 0.0
    note = note.proven(None, 0, 0, (), HOUR)
    assert note.share(HOUR) == 1.0
    assert note.share(HOUR + DAY_US + 1) == 0.0


def test_what_could_not_be_proven_does_not_count() -> None:
    found = Found("k", "changed", 7, ("title",))
    note = Note("t").began(10, HOUR).proven(None, 10, 2, (found,), HOUR)
    assert note.share(HOUR) == pytest.approx(0.7)
    assert (note.differing, note.found, note.rounds) == (1, (found,), 1)
    clean = note.began(10, 2 * HOUR).proven(None, 10, 0, (), 2 * HOUR)
    assert (clean.differing, clean.found) == (0, ())


def test_a_difference_stays_known_until_a_whole_round_has_not_found_it() -> None:
    found = Found("k", "changed", 7, ("title",))
    note = Note("t").began(10, HOUR).proven("m", 5, 0, (found,), HOUR).proven(None, 5, 0, (), HOUR)
    again = note.began(10, 2 * HOUR).proven("m", 5, 0, (), 2 * HOUR)
    assert (again.differing, again.found) == (1, (found,))
    assert again.proven(None, 5, 0, (), 2 * HOUR).differing == 0


def test_the_accounting_stays_small_however_long_it_goes_on() -> None:
    note = Note("t")
    for round_number in range(30):
        note = note.began(10_000, (round_number * 100 + 1) * 60_000_000)
        for page in range(100):
            end = f"{page:04}" if page < 99 else None
            note = note.proven(end, 100, 0, (), (round_number * 100 + page) * 60_000_000)
    assert len(note.written()) < 10_000
    assert isinstance(note.stretches[0], Stretch)


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
async def test_what_is_parked_is_no_difference_and_not_proven_either(stores: Stores) -> None:
    settings = RuntimeSettings(
        projections="async",
        verify_share=0.5,
        verify_round_seconds=0.05,
        poll_seconds=0.05,
        retry_seconds=0.01,
        retry_limit_seconds=0.02,
        parked_attempts=1,
    )

    def library_with(*beside: Any) -> System:
        return System(
            library.app,
            *stores(),
            clock=SystemClock(),
            chance=SeededChance(),
            settings=settings,
            shadows=shadow_store,
            beside=beside,
        )

    async with library_with() as system:
        author = library.AuthorId("a-1")
        await system.send(library.NameAuthor(author_id=author, name="Herbert"))
        books = [library.BookId(f"b-{number}") for number in range(4)]
        for book in books:
            await system.send(library.Register(book_id=book, title="Dune", author_id=author))
        table = system.tables["catalogue"]
        with broken(system, "catalogue", "book.Lent"):
            await system.send(library.Lend(book_id=books[1], reader="ann"))
            await until(lambda: system.progress.checkpoint(table).parked == 1)
    # The shadow folds what waits in the read model: the code is mended.
    async with library_with(Proving) as system:

        async def proven() -> bool:
            note = await note_of(system.log, "catalogue", table)
            return note.rounds > 0 and note.rows == 4 and not note.running

        await until(proven, 60)
        note = await note_of(system.log, "catalogue", table)
        now_us = round(system.clock.now().timestamp() * 1e6)
        assert (note.differing, note.share(now_us)) == (0, pytest.approx(0.75))
