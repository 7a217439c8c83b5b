"""Moving a shop with data to other settings: nobody gets an empty page, nothing is repeated."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import httpx
import pytest

from shop.main import app
from tests.acceptance.company import Company, signed_in
from tests.acceptance.serving import equal_to_the_log, serving
from tests.acceptance.shop_story import ORDERS, shop_story
from tests.databases import drop_mongodb, new_mongodb, new_postgres
from tests.waiting import until

API = frozenset({"api"})
WORKERS = frozenset({"relay", "projector", "scheduler"})
Given: TypeAlias = dict[str, str]

INLINE: Given = {}
ASYNC = {"TWOFOLD_PROJECTIONS": "async"}
BROKER = {"TWOFOLD_BROKER": "redis"}
POSTGRES = {"TWOFOLD_READ": "postgres"}
MONGODB = {"TWOFOLD_READ": "mongodb"}
# The log, the settings before, the settings after; the read store is another one after the latter.
IN_PLACE = {
    "inline to async": ("postgres", INLINE, ASYNC),
    "inline to a broker": ("postgres", INLINE, BROKER),
    "async to a broker": ("sqlite", ASYNC, BROKER),
    "a broker to inline": ("postgres", BROKER, INLINE),
}
ELSEWHERE = {
    "SQLite to PostgreSQL": ("sqlite", INLINE, POSTGRES),
    "one PostgreSQL to another": ("postgres", INLINE, POSTGRES | BROKER),
    "PostgreSQL to MongoDB": ("postgres", POSTGRES | BROKER, MONGODB | BROKER),
}


@pytest.fixture
async def settings(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: str
) -> tuple[Given, Given]:
    """The settings before and after, with fresh databases."""
    log, *chosen = (IN_PLACE | ELSEWHERE)[request.getfixturevalue("move")]
    addresses = {
        "sqlite": f"sqlite:///{tmp_path / 'shop.db'}",
        "postgres": await new_postgres(postgres_server),
    }
    given = {"TWOFOLD_LOG": addresses[log], "TWOFOLD_CHANNEL_PREFIX": f"{uuid4().hex}."}
    addresses["postgres"] = await new_postgres(postgres_server)
    for server in {"redis", "mongodb"} & {name for one in chosen for name in one.values()}:
        addresses[server] = request.getfixturevalue(f"{server}_server")
    if "mongodb" in addresses:
        addresses["mongodb"] = new_mongodb(addresses["mongodb"])
    before, after = ({**given, **_filled(one, addresses)} for one in chosen)
    return before, after


def _filled(settings: Mapping[str, str], addresses: Mapping[str, str]) -> Given:
    return {name: addresses.get(value, value) for name, value in settings.items()}


async def orders(client: httpx.AsyncClient) -> httpx.Response:
    """All orders, asked for without a token and without patience."""
    headers = {**signed_in("service"), "Prefer": "wait=0"}
    return await client.get(f"{ORDERS}?sortBy=placedAt", headers=headers)


async def lived(settings: Given) -> bytes:
    """A morning in the shop under ``settings``; answers what the list of orders says then."""
    async with serving(app, settings) as (_, client):
        await shop_story(Company(client))
        answer = await orders(client)
        assert answer.json()["total"] == 2
        return answer.content


@pytest.mark.parametrize("move", IN_PLACE)
async def test_where_read_models_stay_they_are_served_at_once(
    move: str, settings: tuple[Given, Given]
) -> None:
    before, after = settings
    known = await lived(before)
    async with serving(app, after, API) as (_, client):
        answer = await orders(client)
        assert (answer.status_code, answer.content) == (200, known)
        async with serving(app, after, WORKERS) as (workers, _):
            await _goes_on(client)
            await equal_to_the_log(workers.system)


@pytest.mark.parametrize("move", ELSEWHERE)
async def test_a_new_read_store_is_not_read_before_it_is_filled(
    move: str, settings: tuple[Given, Given]
) -> None:
    before, after = settings
    known = await lived(before)
    async with serving(app, after, API) as (_, client):
        refused = await orders(client)
        assert (refused.status_code, refused.json()["state"]) == (503, "rebuilding")
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/", follow_redirects=True)).status_code == 503
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        assert "it is being filled: 0 of" in ready.text
        async with serving(app, after, WORKERS) as (workers, _):
            answer = await _served(client)
            assert (answer.status_code, answer.content) == (200, known)
            await _goes_on(client)
            await equal_to_the_log(workers.system)
        assert (await client.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("move", ELSEWHERE)
async def test_a_new_read_store_can_be_filled_before_anybody_reads_it(
    move: str, settings: tuple[Given, Given]
) -> None:
    before, after = settings
    async with serving(app, before) as (_, client):
        await shop_story(Company(client))
        told = await asyncio.to_thread(_twofold, after, "rebuild", "shop.main:app", "--all")
        assert "order: 2 rows compared" in told
        known = await orders(client)
    async with serving(app, after, API) as (_, client):
        answer = await orders(client)
        assert (answer.status_code, answer.content) == (200, known.content)
        assert (await client.get("/health/ready")).status_code == 200


async def test_the_way_back_is_as_safe(postgres_server: str, mongodb_server: str) -> None:
    log = {"TWOFOLD_LOG": await new_postgres(postgres_server)}
    away = {**log, "TWOFOLD_READ": new_mongodb(mongodb_server)}
    await lived(log)
    async with serving(app, away) as (elsewhere, client):
        await Company(client).does("merchandiser", "POST", "/api/v1/products/CUP/archive")
        await equal_to_the_log(elsewhere.system)
    async with serving(app, log) as (back, client):
        answer = await client.get("/api/v1/products/CUP")
        assert answer.json()["status"] == "archived"
        await equal_to_the_log(back.system)
    await drop_mongodb(away["TWOFOLD_READ"])


async def _served(client: httpx.AsyncClient) -> httpx.Response:
    """The first answer that is one."""
    answers = []

    async def served() -> bool:
        answers.append(await orders(client))
        return answers[-1].status_code != 503

    await until(served)
    return answers[-1]


async def _goes_on(client: httpx.AsyncClient) -> None:
    """Somebody does something, and sees it."""
    shop = Company(client)
    await shop.does("merchandiser", "POST", "/api/v1/products/CUP/archive")
    assert (await shop.sees("customer", "/api/v1/products/CUP"))["status"] == "archived"


def _twofold(settings: Given, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "twofold.ops.cli", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
