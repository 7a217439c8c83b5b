"""What was discarded on purpose stays left out, and what waits is met again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from tests.integration.conftest import Start
from tests.integration.rebuilding.company import before_comparing, library_with, shown, states
from tests.library import BookId, Lend, app
from tests.waiting import until
from twofold import System
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.rebuilding.desk import VersionsDesk

pytestmark = pytest.mark.parametrize(
    "stores", ["memory", "sqlite", "postgres", "mongodb"], indirect=True
)
PATIENT = {"parked_attempts": 1}
OPERATOR = Discarding(actor="olga", reason="it was a joke")
SEQUENCE = "document:b-1"
_LENT = "book.Lent"


@contextmanager
def broken(*systems: System) -> Iterator[None]:
    """Lending fails in their catalogues."""

    def breaking(function: Callable[..., Any]) -> Callable[..., Any]:
        def fold(document: Any, subject: Any, *others: Any) -> Any:
            raise ValueError("as told")

        return fold

    kept = []
    for system in systems:
        folds = system.wired.foldings["catalogue"].folds
        kept.append((folds, folds[_LENT]))
        folds[_LENT] = tuple(
            msgspec.structs.replace(one, function=breaking(one.function)) for one in folds[_LENT]
        )
    try:
        yield
    finally:
        for folds, before in kept:
            folds[_LENT] = before


async def lent_in_vain(system: System) -> None:
    """A book is lent, which nobody can show."""
    await system.send(Lend(book_id=BookId("b-1"), reader="ada"))
    await shown(system)
    await until(lambda: _waits(system))


async def _waits(system: System) -> bool:
    return (await ParkedDesk(system).page("catalogue", "parked")).total == 1


async def reader_of(system: System, book: str) -> str:
    raw = await system.read_store.get(system.tables["catalogue"], book)
    assert raw is not None
    return str(msgspec.json.decode(raw)["reader"])


async def discarded(system: System) -> list[str]:
    page = await ParkedDesk(system).page("catalogue", "discarded")
    return [f"{one.version} {one.reason} {one.actor}" for one in page.items]


async def test_a_discard_goes_with_the_read_model(start: Start) -> None:
    system = await library_with(start, 3, **PATIENT)
    with broken(system):
        await lent_in_vain(system)
        await ParkedDesk(system).discard("catalogue", SEQUENCE, OPERATOR)
    desk = VersionsDesk(system)
    rebuilt = await desk.rebuild("catalogue", actor="olga")
    assert rebuilt.verified is not None
    assert rebuilt.verified.differences == ()
    assert rebuilt.verified.deviating == 1
    assert await reader_of(system, "b-1") == ""
    assert await discarded(system) == ["2 it was a joke olga"]
    # What comes later is shown as ever.
    await system.send(Lend(book_id=BookId("b-2"), reader="bob"))
    await shown(system)
    assert await reader_of(system, "b-2") == "bob"
    await desk.rebuild("catalogue", actor="olga")
    assert await discarded(system) == ["3 it was a joke olga"]


async def test_what_is_discarded_while_it_is_built_is_left_out_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await library_with(start, 3, **PATIENT)
    operator = await start("async", app, frozenset[str](), **PATIENT)
    with broken(system):
        await lent_in_vain(system)

        async def discard() -> None:
            if not await discarded(system):
                await ParkedDesk(system).discard("catalogue", SEQUENCE, OPERATOR)

        monkeypatch.setattr(operator, "shadow_store", before_comparing(discard))
        rebuilt = await VersionsDesk(operator).rebuild("catalogue", actor="olga")
    # Its code could apply the event and had done so: it was begun anew.
    assert rebuilt.version == 3
    assert await states(system, "catalogue") == {1: "former", 3: "read"}
    assert await reader_of(system, "b-1") == ""
    assert await discarded(system) == ["3 it was a joke olga"]


async def test_what_waits_is_parked_by_the_rebuild_or_applied(start: Start) -> None:
    system = await library_with(start, 3, **PATIENT)
    with broken(system):
        await lent_in_vain(system)
        await VersionsDesk(system).rebuild("catalogue", actor="olga")
        page = await ParkedDesk(system).page("catalogue")
        assert [(one.version, one.sequence) for one in page.items] == [(2, SEQUENCE)]
        assert await reader_of(system, "b-1") == ""
        await ParkedDesk(system).discard("catalogue", SEQUENCE, OPERATOR)
        # Discarded since, where it was applied neither: it is left out there as well.
        await VersionsDesk(system).rollback("catalogue", actor="olga")
        assert await discarded(system) == ["1 it was a joke olga"]
        assert (await ParkedDesk(system).page("catalogue", "parked")).total == 0
    await VersionsDesk(system).rebuild("catalogue", actor="olga")
    assert await reader_of(system, "b-1") == ""


async def test_mended_code_applies_what_waited(start: Start) -> None:
    system = await library_with(start, 3, **PATIENT)
    with broken(system):
        await lent_in_vain(system)
    await VersionsDesk(system).rebuild("catalogue", actor="olga")
    assert await reader_of(system, "b-1") == "ada"
    (now,) = await VersionsDesk(system).all("catalogue")
    assert {one.number: one.parked for one in now.versions} == {1: 1, 2: 0}
