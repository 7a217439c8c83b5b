"""What can't be applied waits in its sequence, on every read store; everything else goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests import library
from tests.integration.conftest import Start, Stores
from tests.library import AuthorId, BookId, Discard, Lend, NameAuthor
from tests.poison import (
    OPERATOR,
    Broken,
    broken,
    equal_a_replay,
    given_up,
    lent,
    register,
    released,
    rows,
    settled,
    verified,
    waiting,
)
from tests.waiting import until
from twofold import RuntimeSettings, System
from twofold.errors import (
    FormerCodeAtWork,
    InvalidInput,
    NotFound,
    Outdated,
    ParkedChanged,
    TooMuchParked,
)
from twofold.runtime.adopting import adopt
from twofold.runtime.audit import AuditTrail
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import ReleaseView

STORES = ["memory", "sqlite", "postgres", "mongodb"]
pytestmark = [
    pytest.mark.parametrize("stores", STORES, indirect=True),
    pytest.mark.parametrize("partitions", [1, 3]),
]


@pytest.fixture
def settings(partitions: int) -> dict[str, Any]:
    return {
        "partitions": partitions,
        "poll_seconds": 0.05,
        "retry_seconds": 0.01,
        "retry_limit_seconds": 0.02,
        "parked_attempts": 2,
    }


async def began(start: Start, settings: dict[str, Any], **more: Any) -> System:
    """A library with an author."""
    system: System = await start("async", library.app, **settings | more)
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    return system


EVENTS = {
    "first": ("book.Registered", lambda event: event.title == "b-2"),
    "middle": ("book.Lent", lambda event: event.reader == "ann"),
    "last": ("book.Returned", lambda event: event.reader == "cid"),
}


@pytest.mark.parametrize("place", EVENTS)
async def test_a_poisoned_document_waits_alone_and_ends_as_if_nothing_had_been(
    start: Start, settings: dict[str, Any], place: str
) -> None:
    system = await began(start, settings)
    event, when = EVENTS[place]
    with broken(system, "catalogue", event, when):
        await register(system, "b-1", "b-2", "b-3")
        await lent(system, "b-2", "ann", "bob", "cid")
        await lent(system, "b-1", "bob")
        await settled(system)
        parked = await ParkedDesk(system).page("catalogue")
        (one,) = parked.items
        assert (one.sequence, one.event, one.state) == ("document:b-2", event, "parked")
        assert (one.attempts, one.error) == (2, "Broken: as told")
        assert parked.causes == {one.cause: 1}
        assert {"b-1", "b-3"} <= (await rows(system, "catalogue")).keys()
        assert await waiting(system, "catalogue") == {"first": 7, "middle": 6, "last": 1}[place]
        assert system.progress.state(system.tables["catalogue"]) == "parked"
        assert system.progress.stopped == {}
        still = await released(system, "catalogue", "document:b-2")
        assert still.again is not None
        assert (still.applied, still.again.attempts) == (0, 3)
    found = await verified(system, "catalogue")
    assert (found.differences, found.parked) == ((), 1)
    done = await released(system, "catalogue", "document:b-2")
    assert done.again is None
    assert done.applied == {"first": 7, "middle": 6, "last": 1}[place]
    await equal_a_replay(system)
    assert system.progress.state(system.tables["catalogue"]) == "live"


async def test_what_fails_for_a_while_is_released_by_itself(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings, parked_attempts=1_000)
    with broken(system, "catalogue", "book.Lent"):
        await register(system, "b-1", "b-2")
        await lent(system, "b-1", "ann")
        await until(lambda: _attempts(system, 3))
    await until(lambda: given_up(system))
    await equal_a_replay(system)


async def _attempts(system: System, least: int) -> bool:
    items = (await ParkedDesk(system).page("catalogue")).items
    return bool(items) and items[0].attempts >= least


async def test_what_looks_for_documents_finds_those_that_waited(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings)
    with broken(system, "catalogue", "book.Registered", lambda event: event.title == "b-2"):
        await register(system, "b-1", "b-2", "b-3")
        await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Frank Herbert"))
        await settled(system)
        assert (await rows(system, "catalogue"))["b-1"]["author"] == "Frank Herbert"
    await released(system, "catalogue", "document:b-2")
    assert (await rows(system, "catalogue"))["b-2"]["author"] == "Frank Herbert"
    await equal_a_replay(system)


async def test_of_several_documents_of_an_event_only_the_broken_one_waits(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings)
    with broken(system, "subjects", "book.Registered", lambda part: part == "sand"):
        await register(system, "b-1", "b-2", subjects=("sand", "worms"))
        await register(system, "b-3", subjects=("worms",))
        await settled(system)
        assert await rows(system, "subjects") == {"worms": {"subject": "worms", "books": 3}}
    await released(system, "subjects", "document:sand")
    assert (await rows(system, "subjects"))["sand"]["books"] == 2
    await equal_a_replay(system)


async def test_an_event_that_cannot_be_read_holds_up_its_stream_alone(
    start: Start, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await began(start, settings)
    decode = system.wired.events.decode

    def failing(recorded: Any) -> Any:
        if recorded.stream == "book:b-2" and recorded.version == 2:
            raise Broken("as told")
        return decode(recorded)

    with monkeypatch.context() as patched:
        patched.setattr(system.wired.events, "decode", failing)
        await register(system, "b-1", "b-2")
        await lent(system, "b-2", "ann", "bob")
        await lent(system, "b-1", "cid")
        await settled(system)
        parked = (await ParkedDesk(system).page("readers")).items
        assert [one.sequence for one in parked] == ["stream:book:b-2"]
        assert (await rows(system, "readers")).keys() == {"cid"}
        shown = await ParkedDesk(system).show("readers", "stream:book:b-2")
        assert [one.position for one in shown.events] == sorted(e.position for e in shown.events)
        assert shown.waiting == 4
        assert shown.events[0].data == {"reader": "ann"}
        assert "Broken: as told" in shown.traceback
    for projection in ("readers", "catalogue"):
        assert (await released(system, projection, "stream:book:b-2")).again is None
    await equal_a_replay(system)


async def test_of_a_stream_that_waits_more_that_cannot_be_read_waits_in_its_order(
    start: Start, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await began(start, settings)
    decode = system.wired.events.decode

    def failing(recorded: Any) -> Any:
        return (raising if recorded.stream == "book:b-2" else decode)(recorded)

    with monkeypatch.context() as patched:
        patched.setattr(system.wired.events, "decode", failing)
        await register(system, "b-2")
        for reader in ("ann", "bob"):
            await settled(system)
            await lent(system, "b-2", reader)
        await settled(system)
        page = await ParkedDesk(system).page("catalogue")
        assert (page.total, len(page.items)) == (1, 1)
        shown = await ParkedDesk(system).show("catalogue", "stream:book:b-2")
        assert (shown.parked.event, shown.waiting) == ("book.Registered", 5)
    for projection in ("authors", "catalogue", "readers", "subjects"):
        await released(system, projection, "stream:book:b-2")
    await equal_a_replay(system)


async def test_what_cannot_be_read_at_a_release_holds_up_what_is_released_alone(
    start: Start, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await began(start, settings)
    with broken(system, "subjects", "book.Registered", lambda part: part == "sand"):
        await register(system, "b-1", subjects=("sand", "worms"))
        await settled(system)
    with monkeypatch.context() as patched:
        patched.setattr(system.wired.events, "decode", raising)
        again = (await released(system, "subjects", "document:sand")).again
        assert again is not None
        assert again.error == "Broken: as told"
        assert again.same_code
        page = await ParkedDesk(system).page("subjects")
        assert [one.sequence for one in page.items] == ["document:sand"]
    await released(system, "subjects", "document:sand")
    books = {key: row["books"] for key, row in (await rows(system, "subjects")).items()}
    assert books == {"sand": 1, "worms": 1}
    await equal_a_replay(system)


def raising(recorded: Any) -> Any:
    raise Broken("as told")


async def test_what_a_released_stream_says_of_many_reaches_those_that_still_wait(
    start: Start, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await began(start, settings)
    decode = system.wired.events.decode
    unreadable = "author:a-1"
    with (
        broken(system, "catalogue", "book.Registered", lambda event: event.title == "b-2"),
        monkeypatch.context() as patched,
    ):
        await register(system, "b-1", "b-2")
        await settled(system)
        patched.setattr(
            system.wired.events,
            "decode",
            lambda recorded: (raising if recorded.stream == unreadable else decode)(recorded),
        )
        await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Frank Herbert"))
        await settled(system)
        page = await ParkedDesk(system).page("catalogue")
        assert {one.sequence for one in page.items} == {"document:b-2", f"stream:{unreadable}"}
    for projection in ("catalogue", "authors"):
        await released(system, projection, f"stream:{unreadable}")
    assert (await rows(system, "catalogue"))["b-1"]["author"] == "Frank Herbert"
    await released(system, "catalogue", "document:b-2")
    assert (await rows(system, "catalogue"))["b-2"]["author"] == "Frank Herbert"
    await equal_a_replay(system)


async def test_a_document_that_becomes_no_row_is_the_one_that_waits(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings)
    folds = system.wired.foldings["catalogue"].folds
    kept = folds["book.Lent"]
    (fold,) = kept

    def unwritable(entry: Any, event: Any) -> Any:
        made = fold.function(entry, event)
        return made.but(title=object()) if event.reader == "ann" else made

    folds["book.Lent"] = (msgspec.structs.replace(fold, function=unwritable),)
    await register(system, "b-1", "b-2")
    await lent(system, "b-1", "bob", "ann", "cid")
    await lent(system, "b-2", "cid")
    await settled(system)
    (parked,) = (await ParkedDesk(system).page("catalogue")).items
    assert (parked.sequence, parked.event) == ("document:b-1", "book.Lent")
    assert await waiting(system, "catalogue") == 4
    folds["book.Lent"] = kept
    await released(system, "catalogue", "document:b-1")
    await equal_a_replay(system)


async def test_one_cause_for_many_stops_the_projection_instead(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings, parked_limit_per_cause=3)
    table = system.tables["catalogue"]
    with broken(system, "catalogue", "book.Registered"):
        await register(system, *(f"b-{n}" for n in range(8)))
        await until(lambda: table in system.progress.stopped)
        assert "TWOFOLD_PARKED_LIMIT_PER_CAUSE" in system.progress.stopped[table]
        assert "Broken: as told" in system.progress.stopped[table]
        assert (await ParkedDesk(system).page("catalogue")).total <= 3
        head = await system.log.head()
        await system.progress.reach([system.tables["readers"]], head, 20)
    await until(lambda: table not in system.progress.stopped)
    await settled(system)
    for one in (await ParkedDesk(system).page("catalogue")).items:
        await released(system, "catalogue", one.sequence)
    await equal_a_replay(system)


async def test_too_many_sequences_stop_the_projection_instead(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings, parked_limit=2)
    table = system.tables["subjects"]
    with broken(system, "subjects", "book.Registered"):
        for number in range(4):
            await register(system, f"b-{number}", subjects=(f"s-{number}",))
        await until(lambda: table in system.progress.stopped)
        assert TooMuchParked.__name__ not in system.progress.stopped[table]
        assert "more than 2 sequences" in system.progress.stopped[table]
    await until(lambda: table not in system.progress.stopped)


async def test_a_rehearsal_shows_what_a_release_would_do_and_does_nothing(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings)
    desk = ParkedDesk(system)
    with broken(system, "catalogue", "book.Lent", lambda event: event.reader == "ann"):
        await register(system, "b-1")
        await lent(system, "b-1", "bob")
        await system.send(Lend(book_id=BookId("b-1"), reader="ann"))
        await settled(system)
        before = await rows(system, "catalogue")
        failing = await desk.rehearse("catalogue", "document:b-1")
        assert failing.again is not None
        assert [document.what for document in failing.documents] == []
    for _ in range(2):
        seen = await desk.rehearse("catalogue", "document:b-1")
        assert (seen.applied, seen.again) == (1, None)
        (document,) = seen.documents
        assert (document.key, document.what) == ("b-1", "changed")
        assert [(f.name, f.before, f.after) for f in document.fields] == [("reader", "", "ann")]
        assert await rows(system, "catalogue") == before
        assert (await desk.page("catalogue")).items[0].attempts == 2
    await desk.release("catalogue", "document:b-1", actor="olga")
    assert (await rows(system, "catalogue"))["b-1"]["reader"] == "ann"
    await equal_a_replay(system)


async def test_what_is_discarded_is_left_out_and_remembered(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings)
    desk = ParkedDesk(system)
    with broken(system, "readers", "book.Lent", lambda event: event.reader == "ann"):
        await register(system, "b-1")
        await lent(system, "b-1", "bob", "ann")
        await settled(system)
        with pytest.raises(InvalidInput):
            await desk.discard("readers", "document:ann", Discarding("olga", " "))
        done = await desk.discard("readers", "document:ann", OPERATOR)
        # Giving back what nobody has lent needs no document, so the rest goes on.
        assert (done.applied, done.discarded, done.again) == (1, 1, None)
    found = await rows(system, "readers")
    assert found["ann"] == {"reader": "ann", "has": -1, "ever": 0}
    (mark,) = (await desk.page("readers", "discarded")).items
    assert (mark.actor, mark.reason, mark.event) == ("olga", "a test", "book.Lent")
    assert (await desk.page("readers")).total == 0
    proof = await verified(system, "readers")
    assert (proof.differences, proof.parked, proof.deviating) == ((), 0, 1)
    assert system.progress.checkpoint(system.tables["readers"]).parked == 0


async def test_everything_that_waits_can_be_discarded(
    start: Start, settings: dict[str, Any]
) -> None:
    system = await began(start, settings)
    with broken(system, "catalogue", "book.Registered", lambda event: event.title == "b-2"):
        await register(system, "b-1", "b-2")
        await lent(system, "b-2", "ann")
        await settled(system)
        done = await ParkedDesk(system).discard(
            "catalogue", "document:b-2", Discarding("olga", "a test", everything=True)
        )
    assert (done.applied, done.discarded, done.again) == (0, 3, None)
    assert (await rows(system, "catalogue")).keys() == {"b-1"}
    assert await waiting(system, "catalogue") == 0


async def test_of_two_operators_the_second_is_told(start: Start, settings: dict[str, Any]) -> None:
    system = await began(start, settings)
    desk = ParkedDesk(system)
    with broken(system, "catalogue", "book.Lent"):
        await register(system, "b-1")
        await lent(system, "b-1", "ann")
        await settled(system)
        (seen,) = (await desk.page("catalogue")).items
        await desk.release("catalogue", "document:b-1", actor="olga", seen=seen.seen)
        with pytest.raises(ParkedChanged):
            await desk.discard("catalogue", "document:b-1", OPERATOR, seen=seen.seen)
    outcomes = await asyncio.gather(
        *(desk.release("catalogue", "document:b-1", actor="olga") for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, ReleaseView) for one in outcomes) == 1
    assert all(isinstance(one, ReleaseView | ParkedChanged | NotFound) for one in outcomes)
    with pytest.raises(NotFound, match="did you mean catalogue"):
        await desk.page("catalog")
    await equal_a_replay(system)


async def test_events_that_come_while_it_is_released_wait_their_turn(
    start: Start, settings: dict[str, Any]
) -> None:
    """Sequences are released again and again while events arrive and fail now and then."""
    system = await began(start, settings)
    desk = ParkedDesk(system)
    books = [f"b-{n}" for n in range(4)]
    await register(system, *books)
    failing = {"now": True}

    async def busy() -> None:
        for number in range(25):
            failing["now"] = number % 3 == 0
            await asyncio.gather(*(lent(system, book, f"r-{number % 5}") for book in books))

    async def release() -> None:
        for _ in range(40):
            for one in (await desk.page("catalogue")).items:
                try:
                    await desk.release("catalogue", one.sequence, actor="olga")
                except (ParkedChanged, NotFound):
                    continue
            await asyncio.sleep(0.01)

    with broken(system, "catalogue", "book.Lent", lambda event: failing["now"]):
        await asyncio.gather(busy(), release())
        failing["now"] = False
        await system.send(Discard(book_id=BookId("b-0")))
        await settled(system)
        for one in (await desk.page("catalogue")).items:
            await desk.release("catalogue", one.sequence, actor="olga")
        await equal_a_replay(system)
    assert (await rows(system, "catalogue")).keys() == set(books[1:])


async def test_mended_code_goes_on_with_the_rows_there_are_and_releases(
    start: Start, settings: dict[str, Any], stores: Stores
) -> None:
    """A changed fold has another fingerprint: it is told so, and adopts what was made before, once
    no process with the former code lives.
    """
    system = await began(start, settings, lease_seconds=60.0)

    def mended(**given: Any) -> System:
        log, read_store = stores()
        made = System(
            library.app,
            log,
            read_store,
            clock=SystemClock(),
            chance=SeededChance(),
            settings=RuntimeSettings(projections="async", rebuild_at_start_events=0, **settings),
            **given,
        )
        foldings = made.wired.foldings
        foldings["catalogue"] = msgspec.structs.replace(foldings["catalogue"], fingerprint="mended")
        return made

    with broken(system, "catalogue", "book.Registered", lambda event: event.title == "b-2"):
        await register(system, "b-1", "b-2")
        await settled(system)
        async with mended(roles=frozenset()) as looking:
            (applier,) = (one for one in looking.appliers if one.name == "catalogue")
            with pytest.raises(FormerCodeAtWork, match=r"former code \(1\)"):
                await adopt(looking, applier, actor="olga")
        await register(system, "b-3")
        await settled(system)
        await system.stop()
    with pytest.raises(Outdated, match="twofold adopt"):
        await mended(roles=frozenset({"projector"})).start()
    async with mended(roles=frozenset()) as looking:
        (applier,) = (one for one in looking.appliers if one.name == "catalogue")
        (waiting_one,) = (await ParkedDesk(looking).page("catalogue")).items
        assert not waiting_one.same_code
        with pytest.raises(Outdated):
            await released(looking, "catalogue", "document:b-2")
        assert (await ParkedDesk(looking).rehearse("catalogue", "document:b-2")).again is None
        adopted = await adopt(looking, applier, actor="olga")
        assert adopted.table == system.tables["catalogue"]
        done, *_ = (await AuditTrail(looking).page()).items
        assert (done.actor, done.action) == ("olga", "adopt version")
        with pytest.raises(InvalidInput):
            await adopt(looking, applier, actor="olga")
    async with mended(roles=frozenset({"api", "projector"})) as running:
        assert running.tables == system.tables
        assert (await released(running, "catalogue", "document:b-2")).again is None
        await lent(running, "b-2", "ann")
        await equal_a_replay(running)
