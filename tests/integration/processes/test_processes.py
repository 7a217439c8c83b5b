"""Process managers on every log: each step once, whoever takes it and however often it is tried."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest

from tests import bookings, chores
from tests.chores import BOARD, Tell
from tests.integration.conftest import Start
from tests.integration.processes.conftest import PAST, StartChores
from tests.integration.processes.watching import ask, noted, notes, shown, steps, told, until
from twofold import SYSTEM, Application, Module, Process, Refused, Sent, System
from twofold.ports.agenda import QueuedCommand
from twofold.runtime.processes.following import Follower
from twofold.runtime.processes.instances import CameDue, Happened, Trigger, WasRefused
from twofold.runtime.settings import RuntimeSettings


async def test_an_event_leads_to_a_command(chores_of: StartChores) -> None:
    system = await chores_of()
    await ask(system, "a", "tell:hello")
    await noted(system, "a", "tell:hello")
    await until(system, lambda: _told(system, "hello"))
    (told_,) = await system.log.read_stream(f"board:{BOARD}", 0, 9)
    (asked,) = await system.log.read_stream("chore:a", 0, 9)
    (step,) = await system.log.read_stream("process-chores:a", 0, 9)
    assert step.causation_id == asked.id
    assert told_.causation_id == f"{step.id}.1"
    assert told_.correlation_id == step.correlation_id == asked.correlation_id
    assert told_.actor == step.actor == SYSTEM.subject
    record = (await system.log.records([told_.causation_id]))[told_.causation_id]
    assert record.operation == "board.Tell"


async def test_a_timer_fires_and_is_gone(chores_of: StartChores) -> None:
    system = await chores_of()
    await ask(system, "a", "timer:x:0.05")
    await noted(system, "a", "timer:x:0.05", "due x")
    assert (await shown(system, "a")).timers == ()
    assert await system.log.agenda.next_timer(["chores"]) is None


async def test_a_cancelled_timer_does_not_fire(chores_of: StartChores) -> None:
    system = await chores_of("api")
    await ask(system, "a", "timer:x:0", "timer:y:0", "cancel:x", at=PAST)
    await chores_of("scheduler")
    await noted(system, "a", "timer:x:0", "timer:y:0", "cancel:x", "due y")


async def test_a_timer_set_again_is_replaced(chores_of: StartChores) -> None:
    system = await chores_of("api")
    await ask(system, "a", "timer:x:0", "timer:x:9999", "timer:z:1", at=PAST)
    await chores_of("scheduler")
    await noted(system, "a", "timer:x:0", "timer:x:9999", "timer:z:1", "due z")
    (pending,) = (await shown(system, "a")).timers
    assert (pending.name, pending.data) == ("Alarm/x", {"name": "x"})


async def test_ending_cancels_what_is_pending(chores_of: StartChores) -> None:
    system = await chores_of()
    await ask(system, "a", "timer:x:9999", "end")

    async def ended() -> bool:
        return len(await steps(system, "a")) == 2

    await until(system, ended)
    assert (await shown(system, "a")).status == "ended"
    assert await system.log.agenda.pending_timers("process-chores:a") == []
    await ask(system, "a", "again")
    await noted(system, "a", "again")


async def test_a_refusal_is_told_once(chores_of: StartChores) -> None:
    system = await chores_of()
    await ask(system, "a", "tell:no way", "tell:yes")
    await until(system, lambda: _told(system, "yes"))
    assert sorted(await notes(system, "a")) == ["refused no way for a", "tell:no way", "tell:yes"]
    assert await told(system) == {"yes": 1}
    assert await system.log.agenda.queued(["process-chores:a"]) == {}


async def test_events_that_come_again_change_nothing(chores_of: StartChores) -> None:
    system = await chores_of()
    await ask(system, "a", "tell:one", "timer:x:0", "ignore", "two", at=PAST)

    async def settled() -> bool:
        return len(await notes(system, "a")) == 4 and await _told(system, "due x")

    await until(system, settled)
    before = await steps(system, "a")
    (known,) = system.processes.followers
    again = follower(system, known, 0)
    while await again.step():
        pass
    assert await steps(system, "a") == before
    assert await told(system) == {"one": 1, "due x": 1}


def follower(system: System, like: Follower, position: int) -> Follower:
    """Another one, at another place of the log."""
    return Follower(
        like.reacting,
        position,
        system.tail,
        system.processes.stepping,
        system.log.agenda,
        system.clock,
        system.chance,
        RuntimeSettings(),
    )


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_every_order_of_event_timer_and_refusal(
    chores_of: StartChores, order: tuple[int, ...]
) -> None:
    """Each is a step of its own, once, in the order in which they came."""
    system = await chores_of("api")
    stream = "process-chores:a"
    await ask(system, "a", "timer:x:0", "tell:no", at=PAST)
    await system.processes.open()
    await system.processes.followers[0].step()
    await ask(system, "a", "event", at=PAST)
    (recorded,) = await system.log.read_stream("chore:a", 2, 1)
    (timer,) = await system.log.agenda.pending_timers(stream)
    (queued,) = (await system.log.agenda.queued([stream]))[stream]
    came: list[Trigger] = [
        Happened(recorded, system.wired.events.decode(recorded)),
        CameDue(timer.name, timer.due_us),
        WasRefused(queued, Tell(board_id=BOARD, text="no"), Refused("no")),
    ]
    for index in order:
        for _ in range(2):
            assert await system.processes.stepping.take({stream: [came[index]]}) == {}
    words = ["event", "due x", "refused no for a"]
    assert await notes(system, "a") == ["timer:x:0", "tell:no", *(words[i] for i in order)]
    assert await system.log.agenda.pending_timers(stream) == []
    left = (await system.log.agenda.queued([stream]))[stream]
    assert [one.operation for one in left] == ["board.Tell"]
    assert b"due x" in left[0].data


async def test_two_runners_and_two_schedulers_do_everything_once(chores_of: StartChores) -> None:
    systems = [await chores_of("api", "scheduler") for _ in range(2)]
    keys = [f"k{number}" for number in range(20)]
    await asyncio.gather(
        *(
            ask(systems[number % 2], key, f"tell:{key}", "timer:x:0.1", f"tell:no {key}")
            for number, key in enumerate(keys)
        )
    )

    async def done() -> bool:
        found = [await notes(systems[0], key) for key in keys]
        told_so_far = (await told(systems[0])).total()
        return all(len(one) == 5 for one in found) and told_so_far >= 2 * len(keys)

    await until(systems[0], done)
    for key in keys:
        expected = [f"tell:{key}", "timer:x:0.1", f"tell:no {key}", "due x"]
        assert sorted(await notes(systems[0], key)) == sorted(
            [*expected, f"refused no {key} for {key}"]
        )
    assert await told(systems[0]) == {**dict.fromkeys(keys, 1), "due x": len(keys)}


async def test_timers_survive_a_restart(chores_of: StartChores) -> None:
    first = await chores_of()
    await ask(first, "a", "timer:x:0.3")
    await noted(first, "a", "timer:x:0.3")
    await first.stop()
    second = await chores_of()
    await noted(second, "a", "timer:x:0.3", "due x")


async def test_commands_that_were_left_behind_are_sent(chores_of: StartChores) -> None:
    first = await chores_of("api")
    await ask(first, "a", "tell:one", "tell:no", "tell:two")
    await first.processes.open()
    await first.processes.followers[0].step()
    assert await told(first) == {}
    await first.stop()
    second = await chores_of("scheduler")
    await until(second, lambda: _told(second, "two"))
    await noted(second, "a", "tell:one", "tell:no", "tell:two", "refused no for a")
    assert await told(second) == {"one": 1, "two": 1}


async def test_a_command_whose_outcome_got_lost_is_decided_once(chores_of: StartChores) -> None:
    """As after a crash between deciding and taking note: the record answers the second sending."""
    first = await chores_of("api")
    await ask(first, "a", "tell:yes", "tell:no")
    await first.processes.open()
    await first.processes.followers[0].step()
    stream = "process-chores:a"
    yes, no = (await first.log.agenda.queued([stream]))[stream]
    await send_queued(first, yes)
    with pytest.raises(Refused):
        await send_queued(first, no)
    chores.broken.add("yes")
    with pytest.raises(Refused):
        await send_queued(first, no)
    assert (await send_queued(first, yes)).replayed
    assert await told(first) == {"yes": 1}


async def send_queued(system: System, queued: QueuedCommand) -> Any:
    """As the dispatcher does, without taking note of what became of it."""
    text = queued.data.decode().partition('"text":"')[2].partition('"')[0]
    return await system.commands.handle_queued(Tell(board_id=BOARD, text=text), queued)


async def test_a_command_that_fails_holds_up_those_behind_it(chores_of: StartChores) -> None:
    chores.broken.add("first")
    system = await chores_of()
    await ask(system, "a", "tell:first", "tell:second")
    await ask(system, "b", "tell:other")
    await until(system, lambda: _told(system, "other"))

    async def tried() -> bool:
        commands = (await shown(system, "a")).commands
        return bool(commands) and commands[0].attempts >= 3

    await until(system, tried)
    failing, waiting = (await shown(system, "a")).commands
    assert "first is broken" in failing.error
    assert (waiting.attempts, waiting.error) == (0, "")
    chores.broken.clear()
    await until(system, lambda: _told(system, "second"))
    texts = [r.data for r in await system.log.read_stream(f"board:{BOARD}", 0, 9)]
    assert [b"first" in one for one in texts] == [False, True, False]


async def test_an_added_process_begins_with_what_happens_next(
    chores_of: StartChores, start: Start
) -> None:
    old = Application("chores", Module("chores", *_without_process()))
    before = await start(application=old, roles=frozenset({"api"}))
    await ask(before, "a", "long ago")
    system = await chores_of()
    await ask(system, "a", "now")
    await noted(system, "a", "now")


async def test_a_process_can_begin_at_the_start(
    chores_of: StartChores, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Application("chores", Module("chores", *_without_process()))
    before = await start(application=old, roles=frozenset({"api"}))
    await ask(before, "a", "long ago")
    monkeypatch.setattr(chores.chores, "from_start", True)
    system = await chores_of()
    await noted(system, "a", "long ago")


async def test_what_a_process_misses_while_no_scheduler_runs_it_takes_up_later(
    chores_of: StartChores,
) -> None:
    """Where an api starts first: it registers the process before the first event."""
    api = await chores_of("api")
    await ask(api, "a", "early")
    system = await chores_of("scheduler")
    await noted(system, "a", "early")


def _without_process() -> list[Any]:
    (module,) = chores.app.modules
    return [part for part in module.parts if not isinstance(part, Process)]


async def _told(system: System, text: str) -> bool:
    return text in await told(system)


async def test_rebuilding_read_models_touches_no_process(start: Start) -> None:
    """All projections are built anew from the whole log; reactions don't happen again."""
    roles = frozenset({"api", "projector", "scheduler"})
    system = await start("async", bookings.app, roles)
    await system.send(bookings.Publish(offer_id=bookings.OfferId("o"), places=1))
    for key in ("a", "b"):
        command = bookings.Book(booking_id=bookings.BookingId(key), offer_id=bookings.OfferId("o"))
        await system.send(command, Sent(at=PAST))

    async def settled() -> bool:
        declined = [await system.log.read_stream(f"booking:{key}", 1, 9) for key in ("a", "b")]
        steps_due = await system.log.agenda.next_queue(["holding"])
        return all(declined) and steps_due is None

    await until(system, settled)
    head = await system.log.head()
    for applier in system.appliers:
        await system.read_store.clear(applier.table, applier.table)
    await system.stop()
    again = await start("async", bookings.app, roles)

    async def rebuilt() -> bool:
        await again.progress.refresh()
        known = [again.progress.checkpoint(applier.table) for applier in again.appliers]
        return all(checkpoint.position >= head for checkpoint in known)

    await until(again, rebuilt)
    assert await again.log.head() == head
    assert (await again.log.agenda.next_timer(["holding"])) is None
