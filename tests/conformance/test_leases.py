"""The leases of all logs keep the same rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from twofold.adapters.memory.leases import MemoryLeases
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.testing.conformance.leases import LeasesConformance
from twofold.testing.conformance.log import Connect


async def test_a_lease_in_memory_ends_at_its_time_and_not_before() -> None:
    now = 100.0
    leases = MemoryLeases(lambda: now)
    await leases.share("work", "silent", 1, 10.0)
    now = 109.9
    assert await leases.share("work", "other", 1, 10.0) == {}
    now = 110.0
    assert len(await leases.share("work", "other", 1, 10.0)) == 1


class TestMemoryLeases(LeasesConformance):
    @pytest.fixture
    def connect(self) -> Connect:
        storage = MemoryStorage()
        return lambda: MemoryLog(storage)


class TestSqliteLeases(LeasesConformance):
    @pytest.fixture
    def connect(self, tmp_path: Path) -> Connect:
        return lambda: SqliteLog(SqliteDatabase(tmp_path / "log.db"))


class TestPostgresLeases(LeasesConformance):
    @pytest.fixture
    def connect(self, postgres: str) -> Connect:
        return lambda: PostgresLog(PostgresDatabase(postgres))
