"""Why a document looks so, what came of a request, who did what: for operators' programs."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.caller import role
from twofold.errors import InvalidInput, Problem
from twofold.http.exchange import Exchange
from twofold.http.operations import answer_json, asked, described, page_size, whole
from twofold.http.parameters import REFS, query_parameter
from twofold.http.routing import Router
from twofold.runtime.audit import AuditPage, AuditTrail
from twofold.runtime.explaining.causes import Causes
from twofold.runtime.explaining.history import LOOKED_THROUGH, DocumentHistory
from twofold.runtime.explaining.history_views import HistoryView
from twofold.runtime.explaining.views import TreeView
from twofold.runtime.system import System

MAY = role("operator", "admin")
_MOST_PAGES = 1_000_000
_MOST_EVENTS = 1_000_000


class ExplainingOperations:
    """GET /explain/document, /explain/cause and /audit."""

    def __init__(self, system: System) -> None:
        self._history = DocumentHistory(system)
        self._causes = Causes(system)
        self._trail = AuditTrail(system)

    def add_to(self, router: Router) -> None:
        """Serve them."""
        router.add("GET", "/explain/document", self.document)
        router.add("GET", "/explain/cause", self.cause)
        router.add("GET", "/audit", self.audit)

    async def document(self, exchange: Exchange) -> None:
        """The events of a document, fold by fold."""
        known = ("projection", "key", "page", "size", "events")
        given = asked(exchange, MAY, "explaining", *known)
        found = await self._history.show(
            _named(given, "projection"),
            _named(given, "key"),
            page=whole("page", given.get("page", "0"), 0, _MOST_PAGES),
            size=page_size(given),
            look_through=whole("events", given.get("events", str(LOOKED_THROUGH)), 1, _MOST_EVENTS),
        )
        await answer_json(exchange, found)

    async def cause(self, exchange: Exchange) -> None:
        """What came of a request, from its command to every row."""
        given = asked(exchange, MAY, "explaining", "of")
        await answer_json(exchange, await self._causes.find(_named(given, "of")))

    async def audit(self, exchange: Exchange) -> None:
        """What operators did, the newest first."""
        given = asked(exchange, MAY, "the audit trail", "before", "size")
        before = whole("before", given.get("before", "0"), 0, 2**53)
        await answer_json(exchange, await self._trail.page(before, page_size(given)))


def explaining_paths() -> tuple[dict[str, Any], dict[str, Any]]:
    """Their part of the OpenAPI document: paths, and schemas by name."""
    kinds = [HistoryView, TreeView, AuditPage]
    (history, tree, trail), schemas = msgspec.json.schema_components(kinds, ref_template=REFS)
    text = {"type": "string"}
    size = query_parameter("size", {"type": "integer", "minimum": 1, "maximum": 200})
    document = [
        *({**query_parameter(name, text), "required": True} for name in ("projection", "key")),
        query_parameter("page", {"type": "integer", "minimum": 0}),
        size,
        query_parameter("events", {"type": "integer", "minimum": 1, "maximum": _MOST_EVENTS}),
    ]
    of = [{**query_parameter("of", text), "required": True}]
    before = query_parameter("before", {"type": "integer", "minimum": 0})
    summaries = "Why a document looks so", "What came of a request", "What operators did"
    paths = {
        "/explain/document": _path("explainDocument", summaries[0], document, history, "404"),
        "/explain/cause": _path("explainCause", summaries[1], of, tree, "404"),
        "/audit": _path("listActions", summaries[2], [before, size], trail),
    }
    return paths, schemas


def _path(
    name: str, summary: str, parameters: list[Any], answer: dict[str, Any], *more: str
) -> dict[str, Any]:
    return {"get": described(MAY, "explaining", name, summary, parameters, answer, *more)}


def _named(given: dict[str, str], name: str) -> str:
    if not given.get(name):
        raise InvalidInput([Problem(name, "is missing")])
    return given[name]
