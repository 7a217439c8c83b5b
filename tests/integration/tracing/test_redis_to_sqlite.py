"""A letter's trace from SQLite through Redis to SQLite."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.brokers.foreign import from_redis
from tests.integration.tracing.conventions import OneTrace
from tests.integration.tracing.letter import Journey, Stage, sent


@pytest.fixture(scope="module")
def journey(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """Decided where it comes in, all in one file."""
    folder = tmp_path_factory.mktemp("journey")
    stage = Stage(redis_server, f"sqlite:///{folder / 'log.db'}", "", "sync", from_redis)
    return asyncio.run(sent(stage, folder))


class TestOneTrace(OneTrace):
    log, broker, documents = "sqlite", "redis", "sqlite"
