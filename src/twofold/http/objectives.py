"""How fresh the answers of queries are: for operators' programs."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.caller import role
from twofold.http.exchange import Exchange
from twofold.http.operations import answer_json, asked, described
from twofold.http.parameters import REFS, query_parameter
from twofold.http.routing import Router
from twofold.runtime.freshness.desk import ObjectivesDesk, ObjectivesPage
from twofold.runtime.system import System

MAY = role("operator", "admin")


class ObjectiveOperations:
    """GET /freshness."""

    def __init__(self, system: System) -> None:
        self._desk = ObjectivesDesk(system)

    def add_to(self, router: Router) -> None:
        """Serve it."""
        router.add("GET", "/freshness", self.look)

    async def look(self, exchange: Exchange) -> None:
        """All objectives, or that of one query."""
        given = asked(exchange, MAY, "freshness objectives", "query")
        await answer_json(exchange, await self._desk.look(given.get("query", "")))


def objective_paths() -> tuple[dict[str, Any], dict[str, Any]]:
    """Its part of the OpenAPI document: the path, and schemas by name."""
    (page,), schemas = msgspec.json.schema_components([ObjectivesPage], ref_template=REFS)
    parameters = [query_parameter("query", {"type": "string"})]
    summary = "How fresh answers are, and what is left of the error budgets"
    get = described(MAY, "freshness", "listObjectives", summary, parameters, page, "404")
    return {"/freshness": {"get": get}}, schemas
