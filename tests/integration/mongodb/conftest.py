"""The library's log in SQLite, its read models in MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.library import app
from twofold import RuntimeSettings, System
from twofold.adapters.mongodb.database import MongoDatabase
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.runtime.clock import SeededChance, SystemClock

Start: TypeAlias = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path, mongodb: str) -> AsyncIterator[Start]:
    """Starts systems on the same stores, as processes would; they are stopped at the end."""
    async with AsyncExitStack() as stack:

        async def started(
            *roles: str, address: str = mongodb, store: dict[str, Any] | None = None
        ) -> System:
            system = System(
                app,
                SqliteLog(SqliteDatabase(tmp_path / "log.db", synchronous="OFF")),
                MongoReadStore(MongoDatabase(address), **(store or {})),
                clock=SystemClock(),
                chance=SeededChance(),
                settings=RuntimeSettings(projections="async", retry_limit_seconds=0.1),
                roles=frozenset(roles or ("api", "projector")),
            )
            return await stack.enter_async_context(system)

        yield started
