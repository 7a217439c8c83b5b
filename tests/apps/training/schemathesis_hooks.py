"""What schemathesis can't know: who may do what, and which proposals, programs and offers exist.

The process that runs it has the address in TESTED_ADDRESS.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any
from unicodedata import category

import httpx
import schemathesis

_ADDRESS = os.environ["TESTED_ADDRESS"]
_LISTS = {
    "programId": ("/api/training-programs", "programId"),
    "offerId": ("/api/training-offers", "offerId"),
}


def _account(case: Any, context: Any = None) -> str:
    if "/reviews" in case.path:
        return "reviewer"
    if "bookings" in case.path:
        return "participant"
    return "manager" if "offers" in case.path or "discounts" in case.path else "admin"


@schemathesis.auth(cache_by_key=_account)
class Accounts:
    """Each part of the company has its own people."""

    def get(self, case: Any, context: Any) -> str:
        """A demo bearer token."""
        return _bearer(_account(case))

    def set(self, case: Any, data: str, context: Any) -> None:
        """Carry it."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Every other path leads to something that exists."""
    for name, value in (path_parameters or {}).items():
        if name in _LISTS and isinstance(value, str) and len(value) % 2 and _known(name):
            path_parameters[name] = _known(name)[0]
    return path_parameters


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Texts that people can type."""
    if isinstance(body, dict):
        return {_text(name): _text(value) for name, value in body.items()}
    return body


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Tokens and cursors can't be made up; fields that a form leaves empty count as left out."""
    query, headers = case.query or {}, case.headers or {}
    made_up = "cursor" in query or "Consistency-Token" in headers
    return not made_up and "" not in query.values()


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(character for character in value if category(character) != "Cc")


@cache
def _bearer(account: str) -> str:
    answer = httpx.post(f"{_ADDRESS}/demo/sign-in", json={"account": account})
    token: str = answer.json()["token"]
    return token


@cache
def _known(parameter: str) -> list[str]:
    path, field = _LISTS[parameter]
    return [item[field] for item in httpx.get(f"{_ADDRESS}{path}").json()["items"]]
