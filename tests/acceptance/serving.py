"""Applications served in this process, and the proof that their read models equal the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from tests.acceptance.company import PATIENCE_SECONDS, SECRET
from twofold import Application, System
from twofold.assembly.assemble import ALL_ROLES, shadow_store
from twofold.assembly.serving import build
from twofold.assembly.settings import read_settings
from twofold.http.asgi import HttpApp
from twofold.runtime.verification import Verification
from twofold.wiring.foldings import Folding


@asynccontextmanager
async def serving(
    application: Application, given: Mapping[str, str], roles: frozenset[str] = ALL_ROLES
) -> AsyncIterator[tuple[HttpApp, httpx.AsyncClient]]:
    """``application`` as one process with ``roles`` would serve it, and a client of it."""
    settings = read_settings(application.name, {**given, "TWOFOLD_JWT_SECRET": SECRET})
    app = build(application, settings, roles)
    await app.start()
    try:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://twofold") as client:
            yield app, client
    finally:
        await app.stop()


async def equal_to_the_log(system: System) -> int:
    """How many rows were compared; all are what the log says, up to where it ended at first."""
    head = await system.log.head()
    await system.progress.reach(list(system.tables.values()), head, PATIENCE_SECONDS)
    rows = 0
    for applier in system.appliers:
        assert isinstance(applier.projection, Folding)
        async with shadow_store() as shadow:
            await shadow.open(applier.tables)
            verified = await Verification(
                applier,
                system.log,
                system.read_store,
                shadow,
                system.wired.events,
                system.clock,
                500,
            ).run()
        assert verified.differences == ()
        assert verified.position >= head
        rows += verified.rows
    return rows
