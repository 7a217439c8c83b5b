"""A projector killed at any step of a commit: whoever comes next finishes what it began."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.integration.mongodb.conftest import Start
from tests.integration.mongodb.past import caught_up, happen

STEPS = ["written", "named", "applying", "applied", "finished"]
LEFT_UNDER_WAY = {"named", "applying", "applied"}


async def projector(folder: Path, read: str, step: str, times: int, inline_bytes: int) -> int:
    command = [sys.executable, "-m", "tests.integration.mongodb.projector"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, str(folder / "log.db"), read, step, str(times), str(inline_bytes)],
        timeout=120,
        check=False,
    )
    return done.returncode


@pytest.mark.parametrize("inline_bytes", [0, 100_000], ids=["in-pieces", "inline"])
async def test_every_step_survives_kill_9(
    start: Start, tmp_path: Path, mongodb: str, inline_bytes: int
) -> None:
    api = await start("api")
    async with AsyncMongoClient[dict[str, Any]](mongodb) as client:
        database = client.get_default_database()
        for times in (1, 3):
            await happen(api, 25, times * 100)
            for step in STEPS:
                killed = await projector(tmp_path, mongodb, step, times, inline_bytes)
                assert killed == -signal.SIGKILL
                under_way = await database.twofold_control.count_documents(
                    {"journal.rows": {"$gt": 0}}
                )
                assert under_way or step not in LEFT_UNDER_WAY
        assert await projector(tmp_path, mongodb, "", 0, inline_bytes) == 0
        await caught_up(api)
        assert await database.twofold_control.count_documents({"journal.rows": {"$gt": 0}}) == 0
        assert await database.twofold_journal.count_documents({}) == 0


async def test_two_projectors_are_killed_while_they_race(
    start: Start, tmp_path: Path, mongodb: str
) -> None:
    """One finishes what the other began, or loses, at any pair of steps."""
    api = await start("api")
    chance = random.Random(5)
    for number in range(6):
        await happen(api, 20, number * 100)
        killed = await asyncio.gather(
            *(
                projector(tmp_path, mongodb, chance.choice(STEPS), chance.randint(1, 4), inline)
                for inline in (0, 100_000)
            )
        )
        assert -signal.SIGKILL in killed
    assert await projector(tmp_path, mongodb, "", 0, 0) == 0
    await caught_up(api)
