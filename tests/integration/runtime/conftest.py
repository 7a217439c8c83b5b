"""The library, running on each backend, on stores that can be told to fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest

from tests import library
from tests.integration.conftest import Start, Stores
from twofold import RuntimeSettings, System
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.testing import FaultPlan, FaultyLog, FaultyReadStore

Open: TypeAlias = Callable[..., Any]


@pytest.fixture
def opened(start: Start) -> Open:
    """Starts systems of the library on one fresh database."""

    async def system(projections: str = "inline", **settings: Any) -> System:
        started: System = await start(projections, library.app, **settings)
        return started

    return system


@pytest.fixture
async def faulty(stores: Stores) -> AsyncIterator[Open]:
    """Starts systems of any application on stores that follow a plan."""
    async with AsyncExitStack() as stack:

        async def system(
            plan: FaultPlan, application: Any = library.app, **settings: Any
        ) -> System:
            log, read_store = stores()
            return await stack.enter_async_context(
                System(
                    application,
                    FaultyLog(log, plan),
                    FaultyReadStore(read_store, plan),
                    clock=SystemClock(),
                    chance=SeededChance(),
                    settings=RuntimeSettings(**settings),
                )
            )

        yield system
