"""What schemathesis can't know of the help desk: who is asking, and which tickets there are."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import httpx
import schemathesis

_ADDRESS = os.environ["TESTED_ADDRESS"]


@schemathesis.auth()
class Agent:
    """Agents may do everything."""

    def get(self, case: Any, context: Any) -> str:
        """A demo bearer token."""
        return _bearer()

    def set(self, case: Any, data: str, context: Any) -> None:
        """Carry it."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Every other path leads to a ticket."""
    if path_parameters and len(str(path_parameters.get("ticketId", ""))) % 2:
        path_parameters["ticketId"] = _ticket()
    return path_parameters


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Tokens and cursors can't be made up; fields that a form leaves empty count as left out."""
    given = {**(case.query or {})}
    return (
        "" not in given.values()
        and not {"cursor"} & set(given)
        and ("Consistency-Token" not in (case.headers or {}))
    )


@cache
def _bearer() -> str:
    answer = httpx.post(f"{_ADDRESS}/demo/sign-in", json={"account": "agnes"})
    token: str = answer.json()["token"]
    return token


@cache
def _ticket() -> str:
    headers = {"authorization": f"Bearer {_bearer()}"}
    answer = httpx.post(f"{_ADDRESS}/api/tickets", json={"title": "Lamp"}, headers=headers)
    ticket: str = answer.json()["ticketId"]
    return ticket
