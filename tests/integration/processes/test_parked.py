"""Operators mend what waits in process managers: instances that are stuck, commands that fail."""

from __future__ import annotations

from typing import Any

import pytest

from tests import chores
from tests.integration.processes.conftest import PAST, StartChores
from tests.integration.processes.watching import ask, noted, shown, steps, until
from twofold import System
from twofold.errors import InvalidInput, NotFound, ParkedChanged
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import ParkedView

CHORES = "process:chores"
INSTANCE, SENDING = "instance:a", "sending:a"
# Nothing is tried again by itself while a test lasts.
SLOW: dict[str, Any] = {"retry_seconds": 3_000.0, "retry_limit_seconds": 3_000.0}
OPERATOR = Discarding(actor="olga", reason="a test")


async def started(chores_of: StartChores, *broken: str) -> System:
    chores.broken.update(broken)
    return await chores_of(**SLOW)


async def parked(system: System, sequence: str, waiting: int) -> ParkedView:
    """Wait until so much waits there."""
    desk = ParkedDesk(system)
    found: list[ParkedView] = []

    async def fact() -> bool:
        items = (await desk.page(CHORES)).items
        found[:] = [one for one in items if one.sequence == sequence]
        return bool(found) and (await desk.show(CHORES, sequence)).waiting == waiting

    await until(system, fact)
    return found[0]


async def test_what_waits_is_listed_and_shown(chores_of: StartChores) -> None:
    system = await started(chores_of, "two", "poison")
    await ask(system, "a", "one", "two", "three")
    await ask(system, "b", "tell:poison", "tell:fine")
    one = await parked(system, INSTANCE, 2)
    assert (one.projection, one.state, one.event) == (CHORES, "retrying", "chore.Asked")
    assert (one.error, one.attempts) == ("RuntimeError: two is broken", 1)
    seen = await ParkedDesk(system).show(CHORES, INSTANCE)
    assert [event.data["what"] for event in seen.events] == ["two", "three"]
    assert seen.events[0].position == one.position
    assert "may_break" in seen.traceback
    other = await parked(system, "sending:b", 2)
    assert other.event == "board.Tell"
    assert other.error.startswith("RuntimeError: poison is broken")
    page = await ParkedDesk(system).page(size=1)
    assert (page.total, page.next_cursor) == (2, "1")
    (last,) = (await ParkedDesk(system).page(cursor="1")).items
    assert last.sequence == "sending:b"
    assert (await ParkedDesk(system).page(state="discarded")).total == 0


async def test_a_rehearsal_shows_what_a_release_does_and_changes_nothing(
    chores_of: StartChores,
) -> None:
    system = await started(chores_of, "tell:hello")
    await ask(system, "a", "one", "tell:hello", "timer:x:3000", "tell:more")
    await parked(system, INSTANCE, 3)
    desk, before = ParkedDesk(system), await steps(system, "a")
    failing = await desk.rehearse(CHORES, INSTANCE)
    assert failing.again is not None
    assert (failing.applied, failing.again.error) == (0, "RuntimeError: tell:hello is broken")
    chores.broken.clear()
    for _ in range(2):
        told = await desk.rehearse(CHORES, INSTANCE)
        assert (told.applied, told.again) == (3, None)
        assert [(one.kind, one.name) for one in told.effects] == [
            ("command", "board.Tell"),
            ("timer", "Alarm/x"),
            ("command", "board.Tell"),
        ]
        (document,) = told.documents
        (field,) = document.fields
        assert (field.name, field.before) == ("notes", ["one"])
        assert field.after == ["one", "tell:hello", "timer:x:3000", "tell:more"]
    assert await steps(system, "a") == before
    assert (await shown(system, "a")).status == "stuck"
    done = await desk.release(CHORES, INSTANCE, actor="olga")
    assert (done.applied, done.again, done.documents) == (3, None, told.documents)
    await noted(system, "a", "one", "tell:hello", "timer:x:3000", "tell:more")
    assert (await desk.page(CHORES)).total == 0


@pytest.mark.parametrize("everything", [False, True])
async def test_what_is_left_out_is_kept_in_the_history_with_its_reason(
    chores_of: StartChores, everything: bool
) -> None:
    system = await started(chores_of, "two")
    await ask(system, "a", "one", "two", "three", "four")
    one = await parked(system, INSTANCE, 3)
    desk = ParkedDesk(system)
    with pytest.raises(InvalidInput, match="reason"):
        await desk.discard(CHORES, INSTANCE, Discarding("olga", " "))
    discarding = Discarding("olga", "a test", everything)
    told = await desk.rehearse(CHORES, INSTANCE, discarding)
    done = await desk.discard(CHORES, INSTANCE, discarding, seen=one.seen)
    assert (done.discarded, done.applied, done.again) == ((3, 0) if everything else (1, 2)) + (
        None,
    )
    await noted(system, "a", *(["one"] if everything else ["one", "three", "four"]))
    assert (told.discarded, told.applied) == (done.discarded, done.applied)
    assert told.documents == done.documents
    marks = [step for step in await steps(system, "a") if step.outcome == "discarded"]
    behind = " (and 2 events that waited)" if everything else ""
    assert [mark.error for mark in marks] == [f"olga: a test{behind}"]
    await ask(system, "a", "five")
    await noted(system, "a", *(["one"] if everything else ["one", "three", "four"]), "five")


async def test_a_release_ends_where_something_fails_again(chores_of: StartChores) -> None:
    system = await started(chores_of, "two", "four")
    await ask(system, "a", "two", "three", "four", "five")
    await parked(system, INSTANCE, 4)
    chores.broken.remove("two")
    desk = ParkedDesk(system)
    told = await desk.rehearse(CHORES, INSTANCE)
    done = await desk.release(CHORES, INSTANCE, actor="olga")
    for one in (told, done):
        assert one.again is not None
        assert (one.applied, one.again.error) == (2, "RuntimeError: four is broken")
    (left,) = (await desk.page(CHORES)).items
    assert left.error == "RuntimeError: four is broken"
    assert (await desk.show(CHORES, INSTANCE)).waiting == 2


async def test_a_timer_that_fails_is_released_or_left_out(chores_of: StartChores) -> None:
    system = await started(chores_of, "due x")
    await ask(system, "a", "one", "timer:x:1", at=PAST)
    one = await parked(system, INSTANCE, 0)
    assert (one.event, one.position) == ("Alarm/x", 0)
    await ask(system, "a", "two")
    await parked(system, INSTANCE, 1)
    desk = ParkedDesk(system)
    assert (await desk.discard(CHORES, INSTANCE, OPERATOR)).applied == 1
    await noted(system, "a", "one", "timer:x:1", "two")


async def test_two_operators_do_not_overrule_each_other(chores_of: StartChores) -> None:
    system = await started(chores_of, "two")
    await ask(system, "a", "two")
    one = await parked(system, INSTANCE, 1)
    first, second = ParkedDesk(system), ParkedDesk(system)
    await first.release(CHORES, INSTANCE, actor="olga", seen=one.seen)
    for act in (
        second.release(CHORES, INSTANCE, actor="otto", seen=one.seen),
        second.discard(CHORES, INSTANCE, OPERATOR, seen=one.seen),
    ):
        with pytest.raises(ParkedChanged):
            await act
    assert (await shown(system, "a")).status == "stuck"
    with pytest.raises(NotFound, match="did you mean instance:a"):
        await second.show(CHORES, "instance:aa")
    with pytest.raises(NotFound, match="did you mean process:chores"):
        await second.page("process:chore")


async def test_commands_that_fail_are_rehearsed_and_sent(chores_of: StartChores) -> None:
    system = await started(chores_of, "poison")
    await ask(system, "a", "tell:poison", "tell:fine")
    await parked(system, SENDING, 2)
    desk = ParkedDesk(system)
    failing = await desk.rehearse(CHORES, SENDING)
    assert failing.again is not None
    assert failing.again.error == "RuntimeError: poison is broken"
    still = await desk.release(CHORES, SENDING, actor="olga")
    assert still.again is not None
    assert still.again.attempts == 2
    chores.broken.clear()
    told = await desk.rehearse(CHORES, SENDING)
    assert [(one.kind, one.name, one.data) for one in told.effects] == [
        ("event", "board.Told", {"text": "poison"})
    ]
    done = await desk.release(CHORES, SENDING, actor="olga")
    assert (done.applied, done.again) == (2, None)
    assert await texts(system) == ["poison", "fine"]
    assert (await desk.page(CHORES)).total == 0


async def test_a_command_that_would_be_refused_is_told(chores_of: StartChores) -> None:
    system = await started(chores_of, "refused no way")
    await ask(system, "a", "tell:no way", "tell:fine")
    await parked(system, SENDING, 2)
    chores.broken.clear()
    told = await ParkedDesk(system).rehearse(CHORES, SENDING)
    assert [(one.kind, one.name) for one in told.effects] == [("refusal", "Refused")]
    await ParkedDesk(system).release(CHORES, SENDING, actor="olga")
    await noted(system, "a", "tell:no way", "tell:fine", "refused no way for a")


async def test_a_command_left_out_is_never_decided(chores_of: StartChores) -> None:
    system = await started(chores_of, "poison")
    await ask(system, "a", "tell:poison", "tell:fine")
    one = await parked(system, SENDING, 2)
    desk = ParkedDesk(system)
    command_id = (await shown(system, "a")).commands[0].command_id
    told = await desk.rehearse(CHORES, SENDING, OPERATOR)
    assert [(effect.kind, effect.data) for effect in told.effects] == [("event", {"text": "fine"})]
    done = await desk.discard(CHORES, SENDING, OPERATOR, seen=one.seen)
    assert (done.discarded, done.applied, done.again) == (1, 1, None)
    chores.broken.clear()
    record = (await system.log.records([command_id]))[command_id]
    assert record.status == "failed"
    assert b"left out by olga: a test" in record.answer
    assert await texts(system) == ["fine"]
    with pytest.raises(NotFound):
        await desk.show(CHORES, SENDING)


async def texts(system: System) -> list[str]:
    recorded = await system.log.read_stream(f"board:{chores.BOARD}", 0, 100)
    events = [system.wired.events.decode(one) for one in recorded]
    return [event.text for event in events if isinstance(event, chores.Told)]
