"""What schemathesis can't know of the help desk: who is asking, and which tickets there are."""

from __future__ import annotations

from functools import cache
from typing import Any

import schemathesis

from tests.describing import asked, bearer


@schemathesis.auth()
class Agent:
    """Agents may do everything."""

    def get(self, case: Any, context: Any) -> str:
        """A demo bearer token."""
        return bearer("agnes")

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
def map_headers(context: Any, headers: dict[str, Any]) -> dict[str, Any]:
    """Tokens can't be made up."""
    return {name: value for name, value in (headers or {}).items() if name != "Consistency-Token"}


@cache
def _ticket() -> str:
    ticket: str = asked("/api/tickets", "agnes", {"title": "Lamp"}).json()["ticketId"]
    return ticket
