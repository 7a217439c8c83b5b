"""Every read store keeps the same rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.mongodb.database import MongoDatabase
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.testing.conformance.read_store import Connect, ReadStoreConformance


class TestMemoryReadStore(ReadStoreConformance):
    @pytest.fixture
    def connect(self) -> Connect:
        tables = MemoryTables()
        return lambda: MemoryReadStore(tables)


class TestSqliteReadStore(ReadStoreConformance):
    @pytest.fixture
    def connect(self, tmp_path: Path) -> Connect:
        return lambda: SqliteReadStore(SqliteDatabase(tmp_path / "read.db"))


class TestPostgresReadStore(ReadStoreConformance):
    @pytest.fixture
    def connect(self, postgres: str) -> Connect:
        return lambda: PostgresReadStore(PostgresDatabase(postgres))


class TestMongoReadStore(ReadStoreConformance):
    @pytest.fixture
    def connect(self, mongodb: str) -> Connect:
        return lambda: MongoReadStore(MongoDatabase(mongodb))
