"""The second answer equals the first, whatever happened in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.conftest import Start
from tests.integration.runtime.conftest import Open
from tests.library import (
    AlreadyLent,
    AuthorId,
    BookId,
    Lend,
    NameAuthor,
    Register,
    ShelfId,
    Stock,
    UnknownAuthor,
)
from twofold import (
    Application,
    Caller,
    Command,
    Context,
    Event,
    EventSourced,
    Module,
    Refused,
    Sent,
    Sources,
    System,
    Value,
    anyone,
    internal,
)
from twofold.errors import AlreadyExists, InvalidInput, KeyReused, StoreUnavailable
from twofold.runtime.clock import SystemClock
from twofold.testing import Fault, FaultPlan

KEYED = Sent(caller=Caller("ann"), key="k")
BOOK = BookId("b-1")
REGISTER = Register(book_id=BOOK, title="Dune", author_id=AuthorId("a-1"))


async def with_book(system: System) -> System:
    """An author and a book are there."""
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    await system.send(REGISTER)
    return system


class Door:
    """A tiny application whose facts and rules can be changed while it runs."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        gate = EventSourced(Gate, str, name="gate")

        async def facts(command: Pass, sources: Sources, context: Context) -> int:
            if self.error:
                raise self.error
            return 1

        @gate.decides(given=facts)
        def decide(state: Gate | None, command: Pass, fact: int) -> Passed:
            return Passed()

        @gate.evolves
        def evolve(state: Gate | None, event: Passed) -> Gate:
            return Gate(count=state.count + 1 if state else 1)

        self.app = Application("gate", Module("gate", gate, internal(Pass, may=anyone)))


class Gate(Value):
    count: int


class Pass(Command):
    gate: str


class Passed(Event): ...


async def test_a_creation_sent_again_is_answered_again(opened: Open) -> None:
    system: System = await opened()
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    first = await system.send(REGISTER, KEYED)
    again = await system.send(REGISTER, KEYED)
    assert (again.answer, again.position, again.replayed) == (first.answer, first.position, True)
    elsewhere = await (await opened()).send(REGISTER, KEYED)
    assert (elsewhere.answer, elsewhere.position) == (first.answer, first.position)
    with pytest.raises(AlreadyExists):
        await system.send(REGISTER, Sent(caller=Caller("ann"), key="other"))
    with pytest.raises(KeyReused):
        await system.send(Register.of(REGISTER, title="Other"), KEYED)


async def test_a_change_sent_again_has_one_effect(opened: Open) -> None:
    system: System = await opened()
    stock = Stock(shelf_id=ShelfId("s-1"), copies=4)
    done = [await system.send(stock, KEYED) for _ in range(3)]
    assert len({(d.answer, d.position) for d in done}) == 1
    assert await system.log.head() == 1


@pytest.mark.parametrize("error", [Refused("closed"), KeyError("a bug"), ValueError("another")])
async def test_facts_that_fail_later_do_not_change_the_answer(
    start: Start, error: Exception
) -> None:
    door = Door()
    system: System = await start("inline", door.app)
    first = await system.send(Pass(gate="north"), KEYED)
    door.error = error
    again = await system.send(Pass(gate="north"), KEYED)
    assert (again.answer, again.position) == (first.answer, first.position)
    with pytest.raises(type(error)):
        await system.send(Pass(gate="north"), Sent(caller=Caller("ann"), key="new"))
    assert await system.log.head() == 1


async def test_a_refusal_by_facts_is_kept_under_its_key_alone(opened: Open) -> None:
    system: System = await opened()
    with pytest.raises(UnknownAuthor):
        await system.send(REGISTER)
    with pytest.raises(UnknownAuthor) as first:
        await system.send(REGISTER, KEYED)
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    with pytest.raises(UnknownAuthor) as again:
        await system.send(REGISTER, KEYED)
    assert str(again.value) == str(first.value)
    assert (await system.send(REGISTER)).created


async def test_facts_that_crash_leave_nothing_behind(start: Start) -> None:
    door = Door()
    system: System = await start("inline", door.app)
    door.error = KeyError("a bug")
    with pytest.raises(KeyError):
        await system.send(Pass(gate="north"), KEYED)
    door.error = None
    assert (await system.send(Pass(gate="north"), KEYED)).created
    assert await system.log.head() == 1


async def test_a_refusal_of_ones_own_comes_back_whole(opened: Open) -> None:
    system = await with_book(await opened())
    await system.send(Lend(book_id=BOOK, reader="paul"))
    for other in (system, await opened()):
        with pytest.raises(AlreadyLent) as refused:
            await other.send(Lend(book_id=BOOK, reader="leto"), KEYED)
        assert refused.value.details == {"reader": "paul"}
        assert refused.value.why == "paul has it"


async def test_a_lost_answer_and_the_same_key_have_one_effect(faulty: Open) -> None:
    plan = FaultPlan(SystemClock())
    system: System = await faulty(plan)
    stock = Stock(shelf_id=ShelfId("s-1"), copies=4)
    plan.order("log.commit", Fault.LOSES_ANSWER)
    with pytest.raises(StoreUnavailable):
        await system.send(stock, KEYED)
    done = await system.send(stock, KEYED)
    assert (done.replayed, done.position) == (True, 1)
    plan.order("log.commit", Fault.FAILS)
    with pytest.raises(StoreUnavailable):
        await system.send(stock, Sent(key="next"))
    await system.send(stock, Sent(key="next"))
    assert [e.version for e in await system.log.read(0, 10)] == [1, 2]


async def test_two_hundred_of_fifty_tasks_in_two_processes_have_one_effect(opened: Open) -> None:
    systems = [await opened(), await opened()]
    limit = asyncio.Semaphore(50)
    stock = Stock(shelf_id=ShelfId("s-1"), copies=1)

    async def send(number: int) -> tuple[bytes, int]:
        async with limit:
            done = await systems[number % 2].send(stock, KEYED)
            return done.answer, done.position

    answers = await asyncio.gather(*(send(number) for number in range(200)))
    assert set(answers) == {answers[0]}
    assert await systems[0].log.head() == 1


async def test_a_caller_that_hangs_up_does_not_undo_a_keyed_command(opened: Open) -> None:
    system: System = await opened()
    stock = Stock(shelf_id=ShelfId("s-1"), copies=1)
    caller = asyncio.ensure_future(system.send(stock, KEYED))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    done = await system.send(stock, KEYED)
    assert done.replayed
    assert await system.log.head() == 1


async def test_a_cancelled_command_misleads_nobody(opened: Open) -> None:
    system: System = await opened()
    await system.send(Stock(shelf_id=ShelfId("s-1"), copies=1))

    def send(copies: int) -> asyncio.Future[Any]:
        return asyncio.ensure_future(system.send(Stock(shelf_id=ShelfId("s-1"), copies=copies)))

    sent = [send(1), send(10), send(100)]
    await asyncio.sleep(0)
    sent[1].cancel()
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    copies = [e.data for e in await system.log.read(0, 10)]
    kept = await system.log.load({"shelf:s-1": "state"})
    snapshot = kept["shelf:s-1"].snapshot
    assert snapshot is not None
    assert snapshot.state == b'{"copies":%d}' % (112 if b'{"copies":10}' in copies else 102)


async def test_an_empty_id_names_nothing(opened: Open) -> None:
    system = await with_book(await opened())
    empty = Register(book_id=BookId(""), title="Dune", author_id=AuthorId("a-1"))
    for command in (empty, Lend(book_id=BookId(""), reader="ann")):
        with pytest.raises(InvalidInput, match="bookId: must not be empty"):
            await system.send(command)
    assert await system.log.head() == 2
