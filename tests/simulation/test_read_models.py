"""Every read model equals its fold from zero, whatever happened on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.main import app as shop
from tests import library
from tests.simulation.bad_days import BadDay, Step
from tests.simulation.scripts import library_steps, shop_steps
from twofold import Application
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryReadTransaction, MemoryTables
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.ports.read_store import Checkpoint
from twofold.runtime.clock import SystemClock
from twofold.testing.virtual_time import VirtualClock, run_virtual

Script: TypeAlias = Callable[[Sequence[int]], list[Step]]
APPLICATIONS = pytest.mark.parametrize(
    ("application", "script"),
    [(library.app, library_steps), (shop, shop_steps)],
    ids=["library", "shop"],
)


@APPLICATIONS
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seeds=st.lists(st.integers(0, 9_999), min_size=1, max_size=30), day=st.integers(0, 9_999))
def test_in_memory_after_any_interleaving(
    application: Application, script: Script, seeds: list[int], day: int
) -> None:
    run_virtual(lambda: in_memory(application, script, seeds, day), seed=day)


def test_a_checkpoint_that_guards_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unguarded(self: Any, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        self._checkpoints[checkpoint.projection] = checkpoint
        return checkpoint

    monkeypatch.setattr(MemoryReadTransaction, "advance", unguarded)
    with pytest.raises(AssertionError):
        for day in range(20):
            run_virtual(lambda day=day: in_memory(library.app, library_steps, range(30), day))


@APPLICATIONS
@pytest.mark.parametrize("seed", range(3))
async def test_on_sqlite(
    application: Application, script: Script, seed: int, tmp_path: Path
) -> None:
    def stores() -> tuple[SqliteLog, SqliteReadStore]:
        database = SqliteDatabase(tmp_path / "day.db", synchronous="NORMAL")
        return SqliteLog(database), SqliteReadStore(database)

    bad = BadDay(application, stores, SystemClock(), Random(seed))
    await bad.live(script(range(seed * 100, seed * 100 + 60)))


@APPLICATIONS
async def test_on_postgres(application: Application, script: Script, postgres: str) -> None:
    def stores() -> tuple[PostgresLog, PostgresReadStore]:
        database = PostgresDatabase(postgres, connections=4)
        return PostgresLog(database), PostgresReadStore(database)

    await BadDay(application, stores, SystemClock(), Random(1)).live(script(range(60)))


async def in_memory(
    application: Application, script: Script, seeds: Sequence[int], day: int
) -> None:
    """A bad day without a disk."""
    storage, tables = MemoryStorage(), MemoryTables()

    def stores() -> tuple[MemoryLog, MemoryReadStore]:
        return MemoryLog(storage), MemoryReadStore(tables)

    await BadDay(application, stores, VirtualClock(), Random(day)).live(script(seeds))
