"""Everything that waits in one place is released at once, on every store, by one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import library
from tests.integration.conftest import Start
from tests.integration.test_parked_commands import POISON, channel, connect, later, parked, send
from tests.integration.test_parked_commands import mend as mending
from tests.library import AuthorId, NameAuthor
from tests.poison import broken, equal_a_replay, lent, register, settled
from tests.waiting import until
from twofold import System
from twofold.errors import ReleaseRunning
from twofold.runtime.audit import AuditTrail
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.release_all import ReleaseAll
from twofold.runtime.parking.release_notes import ReleasingView
from twofold.runtime.parking.views import Wanted

__all__ = ["channel", "connect", "later", "mending"]
SETTINGS: dict[str, Any] = {
    "poll_seconds": 0.05,
    "retry_seconds": 0.01,
    "retry_limit_seconds": 0.02,
    "parked_attempts": 2,
}
BOOKS = [f"b-{number}" for number in range(9)]


async def began(start: Start) -> System:
    """A library with an author."""
    system: System = await start("async", library.app, **SETTINGS)
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    return system


async def ended(all_: ReleaseAll, place: str) -> ReleasingView:
    """The release, once it has ended."""

    async def over() -> bool:
        now = await all_.look(place)
        return now is not None and now.phase != "releasing" and not now.running

    await until(over)
    found = await all_.look(place)
    assert found is not None
    return found


async def waits(system: System, place: str, **more: str) -> set[str]:
    page = await ParkedDesk(system).page(place, size=200, **more)
    return {one.sequence for one in page.items}


@pytest.mark.parametrize("stores", ["memory", "sqlite", "postgres", "mongodb"], indirect=True)
async def test_all_documents_of_a_cause_and_then_the_rest_end_as_if_nothing_had_been(
    start: Start,
) -> None:
    system = await began(start)
    with (
        broken(system, "catalogue", "book.Registered", lambda event: event.title < "b-6"),
        broken(system, "catalogue", "book.Lent", lambda event: 1 // 0 > 0),
    ):
        await register(system, *BOOKS)
        for book in BOOKS:
            await lent(system, book, "ann")
        await settled(system)
    causes = (await ParkedDesk(system).page("catalogue")).causes
    assert sorted(causes.values()) == [3, 6]
    cause = min(causes, key=lambda one: causes[one])
    narrowed = await waits(system, "catalogue", cause=cause)
    assert narrowed == {"document:b-6", "document:b-7", "document:b-8"}
    all_, wanted = ReleaseAll(system), Wanted("catalogue", cause=cause)
    foreseen = await all_.foresee(wanted)
    assert (foreseen.total, foreseen.rehearsed, foreseen.failing) == (3, 3, ())
    await all_.start(wanted, actor="olga", seen=foreseen.seen)
    done = await ended(all_, "catalogue")
    assert (done.phase, done.done, done.total) == ("done", 3, 3)
    assert await waits(system, "catalogue") == {f"document:{one}" for one in BOOKS} - narrowed
    await all_.start(Wanted("catalogue"), actor="olga", seen=done.seen)
    await ended(all_, "catalogue")
    await equal_a_replay(system)
    trail = (await AuditTrail(system).page()).items
    assert [(one.action, one.outcome) for one in trail] == [("release all parked", "done")] * 2


async def test_of_two_who_begin_at_once_one_is_refused(start: Start) -> None:
    system = await began(start)
    with broken(system, "catalogue", "book.Registered"):
        await register(system, *BOOKS)
        await settled(system)
    first, second = ReleaseAll(system), ReleaseAll(system)
    await first.start(Wanted("catalogue"), actor="olga")
    with pytest.raises(ReleaseRunning, match="by olga"):
        await second.start(Wanted("catalogue"), actor="oscar")
    await ended(first, "catalogue")
    assert await waits(system, "catalogue") == set()


async def test_all_lanes_of_commands_are_released(
    later: Start, mending: Callable[[], None]
) -> None:
    system = await later()
    for ledger in "lmn":
        await send(system, ledger, POISON, 2)
        await parked(system, ledger, 2)
    mending()
    all_ = ReleaseAll(system)
    assert (await all_.foresee(Wanted("commands"))).rehearsed == 3
    await all_.start(Wanted("commands"), actor="olga")
    done = await ended(all_, "commands")
    assert done.told.startswith("3 released")
    assert await waits(system, "commands") == set()
