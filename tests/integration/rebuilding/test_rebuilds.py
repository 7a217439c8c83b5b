"""A read model is built anew beside the one that is read, and switched to by everybody."""

from __future__ import annotations

from typing import Any

import pytest

from tests import library
from tests.integration.conftest import Start
from tests.integration.rebuilding.company import (
    BRISK,
    LOOKING,
    damage,
    lent,
    library_with,
    reads,
    register,
    shown,
    states,
    titles,
    total,
)
from twofold import System
from twofold.errors import NotFound, VersionsChanged
from twofold.runtime.queries import Asked
from twofold.runtime.rebuilding.desk import VersionsDesk

MODES = {
    "memory inline": ("memory", "inline", 1),
    "memory async": ("memory", "async", 1),
    "memory shared": ("memory", "async", 3),
    "sqlite inline": ("sqlite", "inline", 1),
    "sqlite shared": ("sqlite", "async", 3),
    "postgres inline": ("postgres", "inline", 1),
    "postgres async": ("postgres", "async", 1),
    "postgres shared": ("postgres", "async", 3),
    "mongodb async": ("mongodb", "async", 1),
    "mongodb shared": ("mongodb", "async", 3),
}
pytestmark = pytest.mark.parametrize(
    ("stores", "mode", "partitions"), MODES.values(), ids=MODES.keys(), indirect=["stores"]
)


async def another(start: Start, mode: str, partitions: int, roles: frozenset[str]) -> System:
    """One more process of the same library."""
    system: System = await start(mode, library.app, roles, partitions=partitions, **BRISK)
    return system


async def test_a_damaged_read_model_is_replaced_for_everybody(
    start: Start, mode: str, partitions: int
) -> None:
    system = await library_with(start, 7, mode, partitions=partitions)
    api = await another(start, mode, partitions, frozenset({"api"}))
    await damage(system, "catalogue_1", "b-3")
    operator = await another(start, mode, partitions, LOOKING)

    rebuilt = await VersionsDesk(operator).rebuild("catalogue", actor="olga")

    assert (rebuilt.version, rebuilt.former, rebuilt.switched) == (2, 1, True)
    assert rebuilt.noticed
    for process in (system, api):
        assert process.tables["catalogue"] == "catalogue_2"
    assert await titles(system, "catalogue_2") == {f"b-{n}": f"b-{n}" for n in range(7)}
    assert await states(operator, "catalogue") == {1: "former", 2: "read"}
    done = await register(system, "b-7")
    token = system.tokens.token(done.position)
    for process in (system, api):
        await process.progress.look_at_log()
        answered = await process.queries.one(_route(process), "b-7", Asked(token=token))
        assert b'"b-7"' in answered.answer
    assert await total(system, "catalogue_1") == 7


async def test_going_back_brings_the_former_version_up_to_the_log(
    start: Start, mode: str, partitions: int
) -> None:
    system = await library_with(start, 3, mode, partitions=partitions)
    desk = VersionsDesk(system)
    await desk.rebuild("catalogue", actor="olga")
    await register(system, "b-3")
    await lent(system, "b-0", "ada")
    await shown(system)
    assert await total(system, "catalogue_1") == 3

    back = await desk.rollback("catalogue", actor="olga", seen=2)

    assert (back.version, back.former, back.noticed) == (1, 2, True)
    await reads(system, "catalogue", 1)
    assert await total(system, "catalogue_1") == 4
    await register(system, "b-4")
    await shown(system)
    assert await total(system, "catalogue_1") == 5
    (now,) = await desk.all("catalogue", rows=True)
    assert [(one.number, one.state, one.rows) for one in now.versions] == [
        (2, "former", 4),
        (1, "read", 5),
    ]
    with pytest.raises(VersionsChanged, match="not 2"):
        await desk.rollback("catalogue", actor="otto", seen=2)


async def test_a_version_goes_when_nobody_reads_it(
    start: Start, mode: str, partitions: int
) -> None:
    system = await library_with(start, 2, mode, partitions=partitions)
    desk = VersionsDesk(system)
    with pytest.raises(VersionsChanged, match="read"):
        await desk.drop("catalogue", 1, actor="olga")
    await desk.rebuild("catalogue", actor="olga")
    await desk.drop("catalogue", 1, actor="olga")
    assert await states(system, "catalogue") == {2: "read"}
    with pytest.raises(NotFound):
        await desk.drop("catalogue", 1, actor="olga")
    with pytest.raises(VersionsChanged, match="no former"):
        await desk.rollback("catalogue", actor="olga")
    # Numbers are never given twice, so nobody can mistake one version for another.
    assert (await desk.rebuild("catalogue", actor="olga")).version == 3
    await desk.rollback("catalogue", actor="olga")
    await desk.drop("catalogue", 3, actor="olga")
    assert (await desk.rebuild("catalogue", actor="olga")).version == 4


def _route(system: System) -> Any:
    return next(
        route
        for route in system.wired.routes
        if not isinstance(route.target, type)
        and getattr(getattr(route.target, "projection", None), "name", "") == "catalogue"
    )
