"""The tallies of all logs keep the same rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.testing.conformance.log import Connect
from twofold.testing.conformance.tallies import TalliesConformance


class TestMemoryTallies(TalliesConformance):
    @pytest.fixture
    def connect(self) -> Connect:
        storage = MemoryStorage()
        return lambda: MemoryLog(storage)


class TestSqliteTallies(TalliesConformance):
    @pytest.fixture
    def connect(self, tmp_path: Path) -> Connect:
        return lambda: SqliteLog(SqliteDatabase(tmp_path / "log.db"))


class TestPostgresTallies(TalliesConformance):
    @pytest.fixture
    def connect(self, postgres: str) -> Connect:
        return lambda: PostgresLog(PostgresDatabase(postgres))
