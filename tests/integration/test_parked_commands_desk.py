"""What operators do about lanes of commands that are parked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests.integration.conftest import Start
from tests.integration.test_parked_commands import (
    API,
    PATIENCE_SECONDS,
    POISON,
    WORKER,
    channel,
    connect,
    decided,
    later,
    mend,
    numbers,
    parked,
    send,
    statuses,
)
from tests.waiting import until
from twofold import System
from twofold.errors import InvalidInput, NotFound, ParkedChanged
from twofold.ops.cli import app as cli
from twofold.runtime.parking.commands import ParkedCommands
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import EffectView, ReleaseView

__all__ = ["channel", "connect", "later", "mend"]

LANE = "lane:ledger:l"
OLGA = Discarding(actor="olga", reason="entered twice")


def added(number: int) -> EffectView:
    """An event that a rehearsal shows."""
    return EffectView("event", "ledger.Added", {"number": number})


async def undone(system: System) -> tuple[int, int]:
    """The head of the log and how much waits: a rehearsal changes neither."""
    return await system.log.head(), (await system.log.inbox.depth()).waiting


async def test_a_lane_is_listed_and_shown_with_its_commands(later: Start) -> None:
    system = await later()
    await send(system, "l", 1, POISON, 2)
    await send(system, "m", POISON)
    await parked(system, "l", 2)
    known = await parked(system, "m", 1)
    desk = ParkedDesk(system)
    page = await desk.page("commands")
    assert sorted(one.sequence for one in page.items) == [LANE, "lane:ledger:m"]
    assert (page.total, page.next_cursor) == (2, None)
    assert page.causes == {known.cause: 2}
    (one,) = (await desk.page("commands", cursor="1", size=1)).items
    assert (one.projection, one.state, one.event) == ("commands", "parked", "ledger.Add")
    assert (one.attempts, one.same_code) == (2, True)
    assert (await desk.page("commands", "retrying")).total == 0
    assert (await desk.page("commands", "discarded")).total == 0
    shown = await desk.show("commands", LANE, 1)
    assert (shown.waiting, len(shown.events)) == (2, 1)
    assert shown.events[0].data == {"ledgerId": "l", "number": POISON}
    assert "broken on purpose" in shown.traceback


async def test_a_rehearsal_shows_what_the_lane_would_come_to_and_does_nothing(
    later: Start, mend: Callable[[], None]
) -> None:
    system = await later()
    await send(system, "l", 1, POISON, 7, 2)
    await parked(system, waiting=3)
    desk, before = ParkedDesk(system), await undone(system)
    broken = await desk.rehearse("commands", LANE)
    assert broken.applied == 0
    assert broken.again is not None
    assert broken.again.error == "ZeroDivisionError: broken on purpose"
    without = await desk.rehearse("commands", LANE, OLGA)
    refused = EffectView("refusal", "Refused", "not a multiple of seven")
    assert (without.discarded, without.applied, without.again) == (1, 2, None)
    assert without.effects == (refused, added(2))
    nothing = await desk.rehearse("commands", LANE, msgspec.structs.replace(OLGA, everything=True))
    assert (nothing.discarded, nothing.applied, nothing.effects) == (3, 0, ())
    mend()
    mended = await desk.rehearse("commands", LANE)
    assert (mended.applied, mended.again) == (3, None)
    assert mended.effects == (added(POISON), refused, added(2))
    assert await undone(system) == before
    assert await numbers(system) == [1]


async def test_a_release_tells_what_came_of_it(later: Start, mend: Callable[[], None]) -> None:
    system = await later(wait_seconds=PATIENCE_SECONDS)
    ids = await send(system, "l", 1, POISON, 7, 2)
    await parked(system, waiting=3)
    desk = ParkedDesk(system)
    too_early = await desk.release("commands", LANE, actor="olga")
    assert too_early.again is not None
    assert (too_early.applied, too_early.again.state, too_early.again.attempts) == (0, "parked", 3)
    assert too_early.again.actor == "olga"
    mend()
    released = await desk.release("commands", LANE, actor="olga", seen=too_early.again.seen)
    assert (released.applied, released.again) == (3, None)
    kinds = [(effect.kind, effect.name) for effect in released.effects]
    assert kinds == [("command", "ledger.Add"), ("refusal", "Refused"), ("command", "ledger.Add")]
    assert await statuses(system, ids) == ["succeeded", "succeeded", "refused", "succeeded"]
    assert await numbers(system) == [1, POISON, 2]
    with pytest.raises(NotFound):
        await desk.release("commands", LANE, actor="olga")


async def test_a_release_without_workers_is_for_those_that_come(
    later: Start, mend: Callable[[], None]
) -> None:
    api, worker = await later(API, wait_seconds=0.0), await later(WORKER)
    ids = await send(api, "l", POISON, 1)
    await parked(api, waiting=2)
    await worker.stop()
    mend()
    released = await ParkedDesk(api).release("commands", LANE, actor="olga")
    assert released.again is not None
    assert (released.applied, released.again.state) == (0, "retrying")
    await later(WORKER)
    await decided(api, ids)
    assert await numbers(api) == [POISON, 1]


async def test_what_is_left_out_has_failed_and_the_rest_goes_on(later: Start) -> None:
    system = await later(wait_seconds=PATIENCE_SECONDS)
    ids = await send(system, "l", 1, POISON, 2, 3)
    await parked(system, waiting=3)
    desk = ParkedDesk(system)
    with pytest.raises(InvalidInput):
        await desk.discard("commands", LANE, Discarding("olga", " "))
    came = await desk.discard("commands", LANE, OLGA)
    assert (came.discarded, came.applied, came.again) == (1, 2, None)
    assert await statuses(system, ids) == ["succeeded", "failed", "succeeded", "succeeded"]
    assert await numbers(system) == [1, 2, 3]
    plain = ids[1].partition(".")[0]
    record = (await system.log.records([plain]))[plain]
    assert b"left out by olga: entered twice" in record.answer


async def test_what_is_left_out_is_listed_with_cause_person_and_reason(later: Start) -> None:
    system = await later(wait_seconds=PATIENCE_SECONDS)
    desk = ParkedDesk(system)
    left_out: list[str] = []
    for ledger in ("l", "m"):
        ids = await send(system, ledger, POISON)
        await parked(system, ledger)
        why = Discarding("olga", f"not in {ledger}")
        await desk.discard("commands", f"lane:ledger:{ledger}", why)
        left_out += [f"command:{one.partition('.')[0]}" for one in ids]
    page = await desk.page("commands", "discarded")
    assert [one.sequence for one in page.items] == left_out[::-1]
    assert (page.total, page.next_cursor) == (2, None)
    latest = page.items[0]
    assert (latest.state, latest.event, latest.stream) == ("discarded", "ledger.Add", "ledger:m")
    assert (latest.actor, latest.reason) == ("olga", "not in m")
    assert latest.error == "ZeroDivisionError: broken on purpose"
    assert latest.attempts > 0
    first = await desk.page("commands", "discarded", size=1)
    assert first.next_cursor == "1"
    (second,) = (await desk.page("commands", "discarded", "1", 1)).items
    assert second.reason == "not in l"
    assert (await desk.page("commands")).total == 0


async def test_all_that_wait_can_be_left_out(later: Start) -> None:
    system = await later()
    ids = await send(system, "l", 1, POISON, 2, 3)
    others = await send(system, "m", 1, POISON)
    await parked(system, waiting=3)
    await parked(system, "m")
    everything = msgspec.structs.replace(OLGA, everything=True)
    came = await ParkedDesk(system).discard("commands", LANE, everything)
    assert (came.discarded, came.applied, came.again) == (3, 0, None)
    assert await statuses(system, ids) == ["succeeded", "failed", "failed", "failed"]
    assert await statuses(system, others) == ["succeeded", "accepted"]
    await decided(system, await send(system, "l", 4))
    assert await numbers(system) == [1, 4]


async def test_of_two_operators_the_second_is_told(later: Start, mend: Callable[[], None]) -> None:
    api, worker = await later(API, wait_seconds=0.0), await later(WORKER)
    ids = await send(api, "l", POISON, 1)
    known = await parked(api, waiting=2)
    await worker.stop()
    mend()
    olga, otis = ParkedCommands(api), ParkedCommands(api)
    both = await asyncio.gather(
        olga.release("commands", LANE, actor="olga", seen=known.last_us),
        otis.discard("commands", LANE, OLGA, seen=known.last_us),
        return_exceptions=True,
    )
    assert sum(isinstance(one, (ParkedChanged, NotFound)) for one in both) == 1
    assert sum(isinstance(one, ReleaseView) for one in both) == 1
    with pytest.raises((ParkedChanged, NotFound)):
        await olga.release("commands", LANE, actor="olga", seen=known.last_us)
    await later(WORKER)

    async def all_have_an_outcome() -> bool:
        return set(await statuses(api, ids)) <= {"succeeded", "failed"}

    await until(all_have_an_outcome, PATIENCE_SECONDS)


async def test_a_name_that_is_none_suggests_the_nearest(later: Start) -> None:
    system = await later()
    await send(system, "l", POISON)
    await parked(system)
    desk = ParkedDesk(system)
    with pytest.raises(NotFound, match="lane:ledger:l"):
        await desk.show("commands", "lane:ledger:k")
    with pytest.raises(NotFound, match="commands"):
        await desk.show("command", LANE)


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
async def test_the_command_line_names_a_lane_as_it_is_and_leaves_out(
    later: Start, tmp_path: Path
) -> None:
    system = await later()
    ids = await send(system, "l", POISON, 1)
    await parked(system, waiting=2)
    env = {"TWOFOLD_LOG": f"sqlite:///{tmp_path}/system.db", "TWOFOLD_COMMANDS": "async"}

    async def run(*arguments: str) -> Result:
        call = ["parked", "tests.ledgers:app", *arguments]
        return await asyncio.to_thread(CliRunner().invoke, cli, call, env={**env, "COLUMNS": "200"})

    listed = await run("list", "commands")
    assert (listed.exit_code, LANE in listed.output) == (1, True), listed.output
    rehearsed = await run("dry-run", "commands", LANE)
    assert "waits again: ZeroDivisionError: broken on purpose" in rehearsed.output
    left_out = await run("discard", "commands", LANE, "--reason", "a test", "--yes")
    assert (left_out.exit_code, "1 left out" in left_out.output) == (0, True), left_out.output
    await decided(system, ids[1:])
    assert await statuses(system, ids) == ["failed", "succeeded"]
    listed = await run("list", "commands", "--state", "discarded")
    assert listed.exit_code == 0, listed.output
    assert f"commands command:{ids[0].partition('.')[0]}" in listed.output
    assert ": a test (ZeroDivisionError: broken on purpose)" in listed.output
    assert "look at one" not in listed.output
