"""Read models that brokers feed are built anew under load: killed, gone on with, gone back from.

The log is in PostgreSQL, the read models elsewhere, and each role has processes of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import library
from tests.databases import drop_mongodb, new_mongodb, new_postgres
from tests.integration.brokers.faults import fresh_channel
from tests.integration.rebuilding.company import BRISK, LOOKING, damage, register, states, titles
from tests.integration.rebuilding.test_readers import BOOKS, Reader, writing
from tests.killing import environment_with
from tests.library import AuthorId, NameAuthor
from tests.poison import equal_a_replay, settled, verified
from tests.waiting import until
from twofold import RuntimeSettings, System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.errors import RebuildRunning
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.runtime.rebuilding.rebuild import Rebuilt

WAYS = [("kafka", "mongodb"), ("rabbitmq", "postgres")]
PARTITIONS = 4
PATIENCE_SECONDS = 60
# It rests for minutes after its first transaction, so that it is killed before the second.
SHARE = "0.0001"
# Of each of them there are two, as processes that share nothing in memory.
ROLES = (frozenset({"api", "relay"}), frozenset({"projector"})) * 2


class Site(NamedTuple):
    """Processes that work together, and the settings of any further one."""

    environment: dict[str, str]
    processes: list[System]
    operator: System

    @property
    def apis(self) -> list[System]:
        """Those that are asked."""
        return self.processes[::2]


@pytest.fixture(params=WAYS, ids="-".join)
async def environment(
    request: pytest.FixtureRequest, postgres: str, postgres_server: str
) -> AsyncIterator[dict[str, str]]:
    """Settings: the log, a channel and a read store that nobody else uses."""
    broker, read = request.param
    if read == "postgres":
        store = await new_postgres(postgres_server)
    else:
        store = new_mongodb(request.getfixturevalue("mongodb_server"))
    yield environment_with(
        log=postgres,
        read=store,
        broker=request.getfixturevalue(f"{broker}_server"),
        channel_prefix=f"{fresh_channel().name}.",
        partitions=str(PARTITIONS),
        canary_seconds="0",
    )
    if read == "mongodb":
        await drop_mongodb(store)


@pytest.fixture
async def site(environment: dict[str, str]) -> AsyncIterator[Site]:
    """A library with books, all of them shown, and all of them damaged in what is shown."""
    settings = read_settings("library", environment)
    async with AsyncExitStack() as stack:

        async def started(roles: frozenset[str]) -> System:
            runtime = RuntimeSettings(**BRISK | {"lease_seconds": 1.0})
            system = assemble(library.app, settings, roles=roles, runtime=runtime)
            return await stack.enter_async_context(system)

        processes = [await started(roles) for roles in ROLES]
        api = processes[0]
        await api.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
        for number in range(BOOKS):
            await register(api, f"b-{number}")
        await settled(api)
        for key in await titles(api, "catalogue_1"):
            await damage(api, "catalogue_1", key)
        yield Site(environment, processes, await started(LOOKING))


@asynccontextmanager
async def watched(site: Site) -> AsyncIterator[list[Reader]]:
    """Readers look all along while books come in; what they found wrong is raised."""
    ended, placed = asyncio.Event(), list[int]()
    readers = [Reader(api, placed) for api in site.apis]
    async with asyncio.TaskGroup() as people:
        people.create_task(writing(site.apis[0], placed, ended))
        for reader in readers:
            people.create_task(reader.read())
        await until(lambda: all(reader.damaged for reader in readers), PATIENCE_SECONDS)
        yield readers
        ended.set()
        for reader in readers:
            reader.ended = True
    assert placed


async def killed(site: Site, log: Path) -> None:
    """A rebuild by a process of its own is cut off in the middle of filling."""
    command = [sys.executable, "-m", "twofold.ops.cli", "rebuild", "tests.library:app", "catalogue"]

    async def halfway() -> bool:
        assert process.poll() is None, "it ended before it was killed"
        stored = await site.operator.read_store.checkpoints()
        return "catalogue_2" in stored and stored["catalogue_2"].position > 0

    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: ASYNC220
            [*command, "--throttle-share", SHARE], env=site.environment, stdout=said, stderr=said
        )
        try:
            await until(halfway, PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait(PATIENCE_SECONDS)
    assert await states(site.operator, "catalogue") == {1: "read", 2: "building"}


async def gone_on(desk: VersionsDesk) -> Rebuilt:
    """The same again, as soon as the lease of the killed process is over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await desk.rebuild("catalogue", actor="olga")
            except RebuildRunning:
                await asyncio.sleep(0.05)


async def all_read(site: Site, version: int) -> None:
    """Wait until every process reads it: one that could give no sign of life was not waited for."""
    wanted = f"catalogue_{version}"
    await until(
        lambda: all(one.tables["catalogue"] == wanted for one in site.processes), PATIENCE_SECONDS
    )


async def test_lists_are_whole_through_a_rebuild_that_is_killed_and_a_rollback(
    site: Site, tmp_path: Path
) -> None:
    desk = VersionsDesk(site.operator)
    async with watched(site) as readers:
        await killed(site, tmp_path / "rebuild.log")
        rebuilt = await gone_on(desk)
        assert (rebuilt.version, rebuilt.switched, rebuilt.noticed) == (2, True, True)
        assert rebuilt.verified is not None
        assert not rebuilt.verified.differences
        await all_read(site, 2)
        back = await desk.rollback("catalogue", actor="olga", seen=2)
        assert (back.version, back.noticed) == (1, True)
        await all_read(site, 1)
        assert (await desk.switch("catalogue", 2, actor="olga")).noticed
    for reader in readers:
        assert 0 < reader.damaged < reader.pages
    await all_read(site, 2)
    await equal_a_replay(site.apis[1])
    await desk.rollback("catalogue", actor="olga")
    await all_read(site, 1)
    found = await verified(site.apis[1], "catalogue")
    # The former version has what came since, and no other mistakes than those it had.
    assert {one.key for one in found.differences} == {f"b-{n}" for n in range(BOOKS)}
