"""A company over HTTP, whatever it runs on: people do things, and look at what they just did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt

SECRET = "signs the bearer tokens of these acceptance tests and nothing else"
PATIENCE_SECONDS = 60.0
_WAIT = {"Prefer": "wait=30"}


class Company:
    """Sends commands, and queries with the token of the last command: each must see it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._token = ""

    async def does(
        self, by: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send a command; answers its result, whether it came at once or by the status resource."""
        headers = {**signed_in(by), "Idempotency-Key": str(uuid4())}
        answer = await self._http.request(method, path, json=body or {}, headers=headers)
        assert answer.status_code in (200, 201, 202), answer.text
        if answer.status_code == 202:
            return await self._outcome(answer.headers["location"], by)
        self._token = answer.headers["consistency-token"]
        result: dict[str, Any] = answer.json()
        return result

    async def sees(self, by: str, path: str) -> dict[str, Any]:
        """Ask with the token of the last command."""
        headers = {**signed_in(by), **_WAIT, "Consistency-Token": self._token}
        answer = await self._http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def sees_in_time(
        self, by: str, path: str, holds: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Ask until it holds, for what a process manager does by itself."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self._http.get(path, headers=signed_in(by))
                if answer.status_code == 200 and holds(answer.json()):
                    found: dict[str, Any] = answer.json()
                    return found
                assert answer.status_code in (200, 404, 503), answer.text
                await asyncio.sleep(0.02)

    async def _outcome(self, location: str, by: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self._http.get(location, headers=signed_in(by))
                assert answer.status_code == 200, answer.text
                status = answer.json()
                if status["status"] not in ("accepted", "running"):
                    break
                await asyncio.sleep(0.01)
        assert status["status"] == "succeeded", status
        self._token = status["consistencyToken"]
        result: dict[str, Any] = status["result"]
        return result


def signed_in(account: str) -> dict[str, str]:
    """Accounts are named after their roles: ``participant2`` is a participant."""
    claims = {
        "sub": account,
        "name": account,
        "roles": [account.rstrip("2")],
        "exp": datetime.now(UTC) + timedelta(hours=1),
    }
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
