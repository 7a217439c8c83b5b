"""Twofold inside routes of FastAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeAlias

import httpx
import pytest
from fastapi import Depends, FastAPI

from tests.http import desk
from tests.http.conftest import in_memory
from twofold import TwofoldError
from twofold.http.asgi import HttpApp
from twofold.http.dependency import Bound, Dependency
from twofold.http.security import SecuritySettings

Hall: TypeAlias = tuple[httpx.AsyncClient, HttpApp]


def hall() -> tuple[FastAPI, HttpApp]:
    """A FastAPI application in which the help desk is one of several."""
    http = HttpApp(in_memory(desk.app), SecuritySettings(demo=True))
    twofold = Dependency(http)
    api = FastAPI(lifespan=twofold.lifespan)
    api.mount("/desk", http)
    api.add_exception_handler(TwofoldError, twofold.problem)
    asking = Depends(twofold)

    @api.post("/lamps")
    async def lamp(bound: Bound = asking) -> dict[str, str]:
        done = await bound.send(desk.OpenTicket(title="Lamp is dark"))
        return {"ticket": done.identity, "for": bound.caller.subject}

    @api.get("/load")
    async def load(bound: Bound = asking) -> dict[str, int]:
        report = await bound.ask(desk.Workload(by="owner"))
        return {line.key: line.tickets for line in report.items}

    return api, http


@pytest.fixture
async def hall_client() -> AsyncIterator[Hall]:
    api, http = hall()
    transport = httpx.ASGITransport(app=api)
    async with (
        api.router.lifespan_context(api),
        httpx.AsyncClient(transport=transport, base_url="http://test") as found,
    ):
        yield found, http


async def test_routes_of_fastapi_see_callers_keys_and_tokens(hall_client: Hall) -> None:
    client, _ = hall_client
    for account in ("carl", "agnes"):
        signed = await client.post("/desk/demo/sign-in", json={"account": account})
        who = {"authorization": f"Bearer {signed.json()['token']}"}
        made = await client.post("/lamps", headers={**who, "idempotency-key": "k"})
        again = await client.post("/lamps", headers={**who, "idempotency-key": "k"})
        assert made.json() == again.json()
        assert made.json()["for"] == account
    answer = await client.get("/load", headers=who)
    assert answer.json() == {"carl": 1, "agnes": 1}
    assert answer.headers["freshness"] == "current"
    assert answer.headers["as-of"].endswith("Z")
    shown = await client.get(f"/desk/api/tickets/{made.json()['ticket']}", headers=who)
    assert shown.json()["owner"] == "agnes"


async def test_refusals_in_routes_of_fastapi_are_problems(hall_client: Hall) -> None:
    client, http = hall_client
    nobody = await client.get("/load", headers={"cookie": ""})
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    future = http.system.tokens.token(99)
    refused = await client.get("/load", headers={"consistency-token": future})
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/future-token")
