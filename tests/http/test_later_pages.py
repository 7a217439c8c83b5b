"""Pages where commands are decided later: as usual if that is soon, else a page that waits."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from tests.http.conftest import Client
from tests.waiting import until
from training.main import app
from twofold import RuntimeSettings, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.testing.conformance.parked_lanes import parked

FORM = "application/x-www-form-urlencoded"
FIELDS = {"title": "Safety at work", "level": "beginner", "durationInDays": "1", "key": "k"}


class Company:
    """Processes of the training company on one database."""

    def __init__(self) -> None:
        self._storage, self._tables = MemoryStorage(), MemoryTables()

    def system(self, *roles: str) -> System:
        """One process."""
        return System(
            app,
            MemoryLog(self._storage),
            MemoryReadStore(self._tables),
            clock=SystemClock(),
            chance=SeededChance(),
            settings=RuntimeSettings(commands="async"),
            roles=frozenset(roles),
        )


async def park(system: System, command_id: str) -> None:
    """As a worker does with a command that it can't decide; then have it tried again."""
    command = (await system.log.inbox.find([command_id]))[command_id]
    lane = msgspec.structs.replace(parked(command.lane, command_id), state="retrying")
    assert await system.log.parked_lanes.park(lane, 0, command)


async def test_a_form_is_answered_as_usual_if_its_command_is_decided_soon() -> None:
    http = HttpApp(Company().system("api", "commands"), SecuritySettings(demo=True))
    await http.start()
    try:
        client, body = Client(http), urlencode(FIELDS).encode()
        answer = await client.send("POST", "/proposals/new", body, "author", content_type=FORM)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/proposals/")
        assert (await client.get("/api/proposals", "author")).json()["total"] == 1
    finally:
        await http.stop()


async def test_a_command_that_takes_longer_has_a_page_that_says_so_until_it_is_done() -> None:
    company = Company()
    http = HttpApp(company.system("api"), SecuritySettings(demo=True))
    await http.start()
    try:
        client, body = Client(http), urlencode(FIELDS).encode()
        before = "http://test/proposals/new?x=1"
        answer = await client.send(
            "POST", "/proposals/new", body, "author", content_type=FORM, referer=before
        )
        where = answer.headers["location"]
        assert answer.status_code == 303
        assert where.startswith("/accepted/")
        page = await client.get(where, "author")
        assert "waiting for its turn" in page.text
        assert 'http-equiv="refresh"' in page.text
        assert (await client.get(where, "author2")).status_code == 404
        await park(http.system, where.partition("?")[0].rpartition("/")[2])
        assert "held up" in (await client.get(where, "author")).text
        async with company.system("commands"):

            async def done() -> bool:
                return "It is done" in (await client.get(where, "author")).text

            await until(done)
        page = await client.get(where, "author")
        assert 'http-equiv="refresh"' not in page.text
        assert 'href="/proposals/new"' in page.text
        assert page.headers["consistency-token"]
    finally:
        await http.stop()
