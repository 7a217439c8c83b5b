"""Projections and tokens, inline and asynchronous, on every backend."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests.integration.conftest import Start, Stores
from tests.integration.test_commands import ANN, RITA, draft, submitted
from tests.proposals import Accept, app
from tests.waiting import until
from twofold import Asked, Caller, NotFound, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.domain.projection import OneOf, PageOf
from twofold.errors import BadToken, FutureToken, NotCaughtUp
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.verification import Verification
from twofold.wiring.routes import Route


def route(system: System, path: str) -> Route:
    return next(r for r in system.wired.routes if r.path == path and r.method == "GET")


async def item(system: System, key: str, token: str = "", seconds: float = 10.0) -> dict[str, Any]:
    asked = Asked(token=token, wait_seconds=seconds)
    found = await system.queries.one(route(system, "/api/proposals/{id}"), key, asked)
    decoded: dict[str, Any] = msgspec.json.decode(found.answer)
    return decoded


@pytest.mark.parametrize("mode", ["inline", "async"])
async def test_what_was_done_is_there_with_the_token(start: Start, mode: str) -> None:
    system = await start(mode)
    for _ in range(30):
        done = await system.send(draft(), Sent(caller=ANN))
        token = system.tokens.token(done.position)
        assert (await item(system, done.identity, token))["status"] == "submitted"


async def test_another_process_sees_it_with_the_token(start: Start) -> None:
    api = await start("async", roles=frozenset({"api"}))
    other = await start("async", roles=frozenset({"api"}))
    await start("async", roles=frozenset({"projector"}))
    for _ in range(10):
        done = await api.send(draft(), Sent(caller=ANN))
        token = api.tokens.token(done.position)
        other.progress.saw_head(await other.log.head())
        assert (await item(other, done.identity, token))["title"] == "Machine safety"


async def test_a_projection_advances_over_events_that_it_ignores(start: Start) -> None:
    system = await start("async")
    done = await system.send(draft(), Sent(caller=ANN))
    token = system.tokens.token(done.position)
    asked = Asked(token=token, wait_seconds=10)
    found = route(system, "/api/acceptances/{counter}")
    with pytest.raises(NotFound):
        await system.queries.one(found, "all", asked)
    assert system.progress.checkpoint(system.tables["acceptances"]).position == done.position


async def test_a_read_model_that_went_back_is_brought_forward_again(start: Start) -> None:
    """Restored from yesterday, or emptied by hand: the projector believes what it finds."""
    system = await start("async")
    first = await system.send(draft(), Sent(caller=ANN))
    await item(system, first.identity, system.tokens.token(first.position))
    table = system.tables["portfolio_item"]
    await system.read_store.clear(table, table)
    second = await system.send(draft(), Sent(caller=ANN))
    token = system.tokens.token(second.position)
    assert (await item(system, second.identity, token))["status"] == "submitted"
    assert (await item(system, first.identity, token))["status"] == "submitted"


async def test_without_a_projector_the_wait_is_bounded_and_says_why(start: Start) -> None:
    system = await start("async", roles=frozenset({"api"}))
    done = await system.send(draft(), Sent(caller=ANN))
    token = system.tokens.token(done.position)
    with pytest.raises(NotCaughtUp) as late:
        await item(system, done.identity, token, 0.05)
    assert (late.value.wanted, late.value.applied) == (1, 0)
    with pytest.raises(NotFound):
        # This one serves what is there.
        await system.queries.one(
            route(system, "/api/acceptances/{counter}"), "all", Asked(token=token, wait_seconds=0)
        )


async def test_forged_foreign_and_future_tokens_are_refused(start: Start) -> None:
    system = await start()
    await submitted(system)
    key = "any"
    with pytest.raises(BadToken):
        await item(system, key, "bm9uc2Vuc2U")
    with pytest.raises(BadToken):
        await item(system, key, system.tokens.token(1)[:-1] + "~")
    with pytest.raises(FutureToken):
        await item(system, key, system.tokens.token(99))
    elsewhere = System(
        app,
        MemoryLog(MemoryStorage(7)),
        MemoryReadStore(),
        clock=system.clock,
        chance=system.chance,
    )
    async with elsewhere:
        with pytest.raises(BadToken):
            await item(system, key, elsewhere.tokens.token(1))


async def test_two_projectors_on_one_model_apply_each_event_once(start: Start) -> None:
    first = await start("async")
    second = await start("async")
    for number in range(60):
        await (first, second)[number % 2].send(draft(), Sent(caller=ANN))
    done = await first.send(draft(), Sent(caller=ANN))
    asked = Asked(caller=ANN, token=first.tokens.token(done.position), wait_seconds=20)
    found = await first.queries.one(route(first, "/api/authors/{author}"), "ann", asked)
    assert msgspec.json.decode(found.answer)["proposals"] == 61


async def test_an_inline_poison_event_parks_its_document_and_no_command_fails(
    start: Start,
) -> None:
    system = await start("inline")
    folds = system.wired.foldings["portfolio_item"].folds
    (fold,) = folds["proposal.Submitted"]

    def touchy(item: Any, event: Any, meta: Any) -> Any:
        if event.title == "Poison":
            raise ValueError("no")
        return fold.function(item, event, meta)

    folds["proposal.Submitted"] = (msgspec.structs.replace(fold, function=touchy),)
    results = await asyncio.gather(
        *(
            system.send(draft("Poison" if n == 7 else f"Course {n}"), Sent(caller=ANN))
            for n in range(20)
        )
    )
    assert await system.log.head() == 20
    parked = (await ParkedDesk(system).page("portfolio_item")).items
    assert [one.sequence for one in parked] == [f"document:{results[7].identity}"]
    assert system.progress.state(system.tables["portfolio_item"]) == "parked"
    for done in (*results[:7], *results[8:]):
        assert (await item(system, done.identity))["status"] == "submitted"
    folds["proposal.Submitted"] = (fold,)
    await until(lambda: _released(system))
    assert (await item(system, results[7].identity))["title"] == "Poison"


async def _released(system: System) -> bool:
    return (await ParkedDesk(system).page()).total == 0


async def test_lists_are_filtered_sorted_and_paged(start: Start) -> None:
    system = await start()
    for number in range(25):
        await system.send(draft(f"Course {number:02}"), Sent(caller=ANN))
    found = route(system, "/api/proposals")
    assert isinstance(found.target, PageOf)
    titles: list[str] = []
    cursor = ""
    while True:
        parameters = {"sortBy": ["title"], "sortDirection": ["desc"], "size": ["10"]}
        request, answered = await system.queries.page(
            found, parameters | ({"cursor": [cursor]} if cursor else {}), Asked()
        )
        titles += [msgspec.json.decode(d)["title"] for d in answered.answer.documents]
        assert answered.answer.total == 25
        cursor = system.queries.next_cursor("portfolio_item", request, answered.answer) or ""
        if not cursor:
            break
    assert titles == [f"Course {number:02}" for number in reversed(range(25))]


async def test_only_the_owner_and_reviewers_see_an_authors_page(start: Start) -> None:
    system = await start()
    await submitted(system)
    page = route(system, "/api/authors/{author}")
    assert isinstance(page.target, OneOf)
    for caller in (ANN, RITA):
        await system.queries.one(page, "ann", Asked(caller=caller))
    with pytest.raises(NotFound):
        await system.queries.one(page, "ann", Asked(caller=Caller("bob")))


async def test_inline_starts_where_asynchronous_stopped(start: Start) -> None:
    api = await start("async", roles=frozenset({"api"}))
    proposal = await submitted(api)
    inline = await start("inline")
    assert (await item(inline, proposal))["status"] == "submitted"
    await inline.send(Accept(proposal_id=proposal), Sent(caller=RITA))
    assert (await item(inline, proposal))["status"] == "accepted"


async def test_inline_closes_the_gap_that_another_process_left(start: Start) -> None:
    inline = await start("inline")
    api = await start("async", roles=frozenset({"api"}))
    hidden = await submitted(api)
    shown = await submitted(inline)
    for proposal in (hidden, shown):
        assert (await item(inline, proposal))["status"] == "submitted"


async def test_verification_finds_what_was_changed_behind_our_back(
    start: Start, stores: Stores
) -> None:
    system = await start("inline")
    proposals = [await submitted(system) for _ in range(5)]
    applier = next(a for a in system.appliers if a.name == "portfolio_item")

    async def verified() -> list[tuple[str, str]]:
        shadow = MemoryReadStore()
        await shadow.open(applier.tables)
        result = await Verification(
            applier, system.log, system.read_store, shadow, system.wired.events, system.clock, 3
        ).run()
        return sorted((d.key, d.kind) for d in result.differences)

    assert await verified() == []
    kept = await system.read_store.row(applier.table, proposals[0])
    assert kept is not None
    changed = kept.document.replace(b"Machine safety", b"Machine secret")
    extra = msgspec.structs.replace(kept, key="extra", texts=("x",))
    async with system.read_store.transaction() as transaction:
        forged = msgspec.structs.replace(kept, document=changed, texts=("x",))
        await transaction.write(applier.table, [forged, extra], [proposals[1]])
    expected = [(proposals[0], "changed"), (proposals[1], "missing"), ("extra", "foreign")]
    assert await verified() == sorted(expected)
