"""Roles as processes that are told to stop, or killed: work is finished or handed over, and the
others say who is missing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.killing import Process, until_answered
from tests.waiting import until

PATIENCE_SECONDS = 120.0
WORKERS = ("commands", "relay", "projector", "scheduler")
PROPOSALS = "/api/proposals"


@pytest.fixture
def environment(redis_server: str, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    return kept | {
        "TWOFOLD_DEMO": "1",
        "TWOFOLD_LOG": f"sqlite:///{tmp_path / 'proposals.db'}",
        "TWOFOLD_BROKER": redis_server,
        "TWOFOLD_COMMANDS": "async",
        "TWOFOLD_CANARY_SECONDS": "1",
        "TWOFOLD_CHANNEL_PREFIX": f"{uuid4().hex}.",
    }


@pytest.fixture
async def processes(
    environment: dict[str, str], tmp_path: Path
) -> AsyncIterator[dict[str, Process]]:
    """One process of each role; nothing needs the scheduler, and one can run all the same."""
    found = {
        role: Process("tests.proposals:app", role, environment, tmp_path / f"{role}.log")
        for role in ("api", *WORKERS)
    }
    # The first one makes the database; the others find it there.
    await found["api"].start()
    await asyncio.gather(*(found[role].start() for role in WORKERS))
    yield found
    for process in found.values():
        process.end()


class Author:
    """Submits proposals, which are decided later, and knows what became of them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._submitted: list[str] = []

    async def sign_in(self) -> None:
        signed = await self._client.post("/demo/sign-in", json={"account": "ann"})
        self._client.headers["authorization"] = f"Bearer {signed.json()['token']}"

    async def submit(self) -> None:
        proposal = {"title": "Safety at work", "level": "beginner"}
        answer = await until_answered(self._client, PROPOSALS, proposal, str(uuid4()))
        assert answer.status_code == 202, answer.text
        self._submitted.append(answer.headers["location"])

    async def sees_all(self) -> None:
        """Everything that was accepted is decided, once, and in the list."""

        async def decided() -> bool:
            answers = [(await self._client.get(one)).json() for one in self._submitted]
            return {answer["status"] for answer in answers} == {"succeeded"}

        async def listed() -> bool:
            answer = await self._client.get(f"{PROPOSALS}?size=1")
            return bool(answer.json()["total"] == len(self._submitted))

        await until(decided, PATIENCE_SECONDS)
        await until(listed, PATIENCE_SECONDS)

    async def misses(self, *roles: str) -> None:
        """The api does, and is ready all the same."""

        async def missing() -> bool:
            answer = await self._client.get("/health/ready")
            assert answer.status_code == 200, answer.text
            return set(answer.json()["degraded"]) & {"api", *WORKERS} == set(roles)

        await until(missing, PATIENCE_SECONDS)

    async def is_told(self, projection: str, what: str) -> None:
        """The api tells, of canaries, that a projection does not see them, or that it does."""

        async def told() -> bool:
            degraded = (await self._client.get("/health/ready")).json()["degraded"]
            why = degraded.get(projection, "")
            return what in why if what else not why

        await until(told, PATIENCE_SECONDS)


async def test_roles_that_stop_end_well_and_are_missed_until_they_are_back(
    processes: dict[str, Process],
) -> None:
    api = processes["api"]
    async with httpx.AsyncClient(base_url=api.address, timeout=60) as client:
        ann = Author(client)
        await ann.sign_in()
        await ann.misses()
        for role in WORKERS:
            for _ in range(3):
                await ann.submit()
            ended = await asyncio.to_thread(processes[role].end)
            assert (role, ended) == (role, 0)
            await ann.misses(*({role} - {"scheduler"}))
            await ann.submit()
            await processes[role].start()
            await ann.misses()
        await ann.sees_all()
        submitting = [asyncio.create_task(ann.submit()) for _ in range(10)]
        # What it has begun is answered; who came too late comes again with the same key.
        assert await asyncio.to_thread(api.end) == 0
        await api.start()
        await asyncio.gather(*submitting)
        await ann.sees_all()
        processes["projector"].kill()
        await ann.misses("projector")
        told = (await client.get("/health/ready")).json()
        assert "s ago" in told["degraded"]["projector"]
        assert told["roles"]["projector"]["alive"] == 0
        await ann.is_told("portfolio_item", "has not come through")
        await processes["projector"].start()
        await ann.misses()
        await ann.is_told("portfolio_item", "")
