"""Systems with process managers on every log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from tests import chores
from tests.integration.conftest import Start
from twofold import System

PAST = datetime.now(UTC) - timedelta(hours=1)


class StartChores(Protocol):
    """Starts a system of chores."""

    async def __call__(self, *roles: str, **settings: Any) -> System: ...


@pytest.fixture
def chores_of(start: Start) -> StartChores:
    """Starts systems of chores on the same stores, impatient ones."""

    async def started(*roles: str, **settings: Any) -> System:
        quick = {
            "dispatch_grace_seconds": 0.05,
            "timer_poll_seconds": 0.05,
            "poll_seconds": 0.05,
            "retry_seconds": 0.01,
            "retry_limit_seconds": 0.1,
        }
        found: System = await start(
            application=chores.app,
            roles=frozenset(roles or ("api", "scheduler")),
            **(quick | settings),
        )
        return found

    return started


@pytest.fixture(autouse=True)
def repaired() -> Iterator[None]:
    """Nothing is broken before and after a test."""
    chores.broken.clear()
    yield
    chores.broken.clear()
