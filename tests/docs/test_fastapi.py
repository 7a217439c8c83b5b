"""The how-to's about FastAPI and SQLAlchemy run as written."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import jwt
import pytest

from tests.docs.how_to import module_of

SECRET = "signs the tokens of these tests alone"


@asynccontextmanager
async def served(module: types.ModuleType) -> AsyncIterator[httpx.AsyncClient]:
    """``api`` of a module, started by its lifespan."""
    transport = httpx.ASGITransport(app=module.api)
    async with (
        module.api.router.lifespan_context(module.api),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.setenv("TWOFOLD_LOG", f"sqlite:///{tmp_path / 'books.db'}")
    monkeypatch.setenv("TWOFOLD_JWT_SECRET", SECRET)
    module_of("tutorial/README.md", "books", monkeypatch)
    return module_of("how-to/fastapi.md", "shelf", monkeypatch)


@pytest.fixture
def sales(postgres: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.setenv("TWOFOLD_LOG", postgres)
    monkeypatch.setenv("TWOFOLD_PROJECTIONS", "async")
    return module_of("how-to/bring-your-own-transaction.md", "sales", monkeypatch)


def bearer(subject: str) -> dict[str, str]:
    claims = {"sub": subject, "exp": 253_000_000_000}
    return {"authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


async def test_an_application_lives_in_fastapi(shelf: types.ModuleType) -> None:
    async with served(shelf) as client:
        added = await client.post("/classics", headers=bearer("ann"))
        assert added.json() == {"added": 2}
        assert "twofold_token" in client.cookies
        found = await client.get("/list/books?sortBy=title")
        assert [book["title"] for book in found.json()["items"]] == ["Emma", "Persuasion"]
        assert found.headers["freshness"] == "current"
        assert (await client.get("/list/openapi.json")).json()["openapi"] == "3.1.0"


async def test_errors_in_fastapi_are_the_same_problems(shelf: types.ModuleType) -> None:
    async with served(shelf) as client:
        nobody = await client.post("/classics")
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
        assert nobody.headers["content-type"] == "application/problem+json"
        assert nobody.json()["type"] == "/problems/sign-in-required"
        forged = {**bearer("ann"), "consistency-token": "forged"}
        assert (await client.post("/classics", headers=forged)).status_code == 400
        spoiled = {**bearer("ann"), "cookie": "twofold_token=spoiled"}
        added = await client.post("/classics", headers=spoiled)
        assert added.status_code == 200


async def test_rows_and_events_of_sqlalchemy_are_shown_by_their_token(
    sales: types.ModuleType,
) -> None:
    async with served(sales) as client:
        async with sales.engine.begin() as connection:
            await connection.run_sync(sales.Base.metadata.create_all)
        placed = await client.post("/orders/o-1?customer=ann")
        assert placed.json() == {"status": "placed"}
        token = {"consistency-token": placed.headers["consistency-token"]}
        line = (await client.get("/read/orders/o-1", headers=token)).json()
        assert line == {"orderId": "o-1", "customer": "ann", "tracking": ""}
        shipped = await client.post("/orders/o-1/ship?tracking=T-1")
        token = {"consistency-token": shipped.headers["consistency-token"]}
        page = (await client.get("/read/orders?customer=ann&facets=customer", headers=token)).json()
        assert [item["tracking"] for item in page["items"]] == ["T-1"]
        assert page["facets"] == {"customer": [{"value": "ann", "count": 1}]}
        again = await client.post("/orders/o-1/ship?tracking=T-2")
        assert (again.status_code, "consistency-token" in again.headers) == (409, False)
        assert await sales.http.system.log.head() == 2
    await sales.engine.dispose()
