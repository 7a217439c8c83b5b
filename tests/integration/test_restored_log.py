"""A log that was restored from an older copy than its read models know is told at the start."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import library
from tests.integration.conftest import Start, Stores
from tests.library import AuthorId, NameAuthor
from tests.poison import lent, register, settled
from twofold import System
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.errors import RestoredLog

Roles = frozenset[str]


@pytest.fixture
def read_file() -> list[str]:
    """What TWOFOLD_READ names; a test may change it."""
    return ["read.db"]


@pytest.fixture
def stores(tmp_path: Path, read_file: list[str]) -> Stores:
    def apart() -> tuple[Any, Any]:
        log = SqliteLog(SqliteDatabase(tmp_path / "log.db"))
        return log, SqliteReadStore(SqliteDatabase(tmp_path / read_file[0]))

    return apart


@pytest.fixture
async def restore(start: Start, tmp_path: Path) -> Callable[[], object]:
    """Puts back a log in which one book less is registered."""
    log, copy = tmp_path / "log.db", tmp_path / "copy.db"
    system: System = await start("async", library.app)
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    await register(system, "b-1")
    await settled(system)
    await system.stop()
    shutil.copy(log, copy)
    system = await start("async", library.app)
    await register(system, "b-2")
    await settled(system)
    await system.stop()
    return lambda: shutil.copy(copy, log)


@pytest.mark.parametrize("roles", [Roles({"api"}), Roles({"projector"}), Roles()])
async def test_who_needs_the_read_models_does_not_start(
    start: Start, restore: Callable[[], object], roles: Roles
) -> None:
    restore()
    with pytest.raises(RestoredLog, match=r"_1 was built .* went to 3, .* ends at 2: .*READ"):
        await start("async", library.app, roles=roles)


async def test_with_an_empty_read_store_it_goes_on(
    start: Start, restore: Callable[[], object], read_file: list[str]
) -> None:
    restore()
    read_file[0] = "another.db"
    system: System = await start("async", library.app)
    await register(system, "b-3")
    await lent(system, "b-1", "ann")
    await settled(system)
    assert system.progress.state(system.tables["catalogue"]) == "live"
