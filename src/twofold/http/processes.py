"""Process managers over HTTP: for operators to look at."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.caller import role
from twofold.http.exchange import Exchange
from twofold.http.operations import answer_json, asked, described, page_size, whole
from twofold.http.parameters import REFS, path_parameter, query_parameter
from twofold.http.routing import Router
from twofold.runtime.processes.views import (
    STATUSES,
    InstancePage,
    InstanceView,
    ProcessView,
    ProcessViews,
    StepView,
)
from twofold.runtime.system import System

MAY = role("operator", "admin")
_LARGEST = 200


class ProcessOperations:
    """GET /processes and what is below it."""

    def __init__(self, system: System) -> None:
        self._views = ProcessViews(system)

    def add_to(self, router: Router) -> None:
        """Serve them."""
        router.add("GET", "/processes", self.processes)
        router.add("GET", "/processes/{process}", self.instances)
        router.add("GET", "/processes/{process}/{key}", self.instance)
        router.add("GET", "/processes/{process}/{key}/history", self.history)

    async def processes(self, exchange: Exchange) -> None:
        """All processes."""
        _asked(exchange)
        await answer_json(exchange, {"items": await self._views.processes()})

    async def instances(self, exchange: Exchange) -> None:
        """A page of instances."""
        given = _asked(exchange, "cursor", "size", "status")
        process, status = exchange.parameters["process"], given.get("status", "")
        cursor, size = given.get("cursor", ""), page_size(given)
        page = await self._views.instances(process, cursor, size, status)
        await answer_json(exchange, page)

    async def instance(self, exchange: Exchange) -> None:
        """One instance."""
        _asked(exchange)
        await answer_json(exchange, await self._views.instance(**exchange.parameters))

    async def history(self, exchange: Exchange) -> None:
        """Its steps."""
        given = _asked(exchange, "after", "size")
        size = page_size(given)
        after = whole("after", given.get("after", "0"), 0, 2**53)
        steps = await self._views.history(**exchange.parameters, after=after, limit=size)
        await answer_json(exchange, {"items": steps})


def process_paths() -> tuple[dict[str, Any], dict[str, Any]]:
    """Their part of the OpenAPI document: paths, and schemas by name."""
    kinds = [ProcessView, InstancePage, InstanceView, StepView]
    found, schemas = msgspec.json.schema_components(kinds, ref_template=REFS)
    process, page, instance, step = found
    size = query_parameter("size", {"type": "integer", "minimum": 1, "maximum": _LARGEST})
    named = path_parameter("process", {"type": "string"})
    keyed = [named, path_parameter("key", {"type": "string"})]
    listed = [
        named,
        size,
        query_parameter("cursor", {"type": "string"}),
        query_parameter("status", {"type": "string", "enum": list(STATUSES)}),
    ]
    after = query_parameter("after", {"type": "integer", "minimum": 0})
    paths = {
        "/processes": _path("listProcesses", "All process managers", [], _items(process)),
        "/processes/{process}": _path("listInstances", "Instances by key", listed, page, "404"),
        "/processes/{process}/{key}": _path("getInstance", "An instance", keyed, instance, "404"),
        "/processes/{process}/{key}/history": _path(
            "getHistory", "The steps of an instance", [*keyed, size, after], _items(step), "404"
        ),
    }
    return paths, schemas


def _path(
    name: str, summary: str, parameters: list[Any], answer: dict[str, Any], *more: str
) -> dict[str, Any]:
    return {"get": described(MAY, "processes", name, summary, parameters, answer, *more)}


def _items(item: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "items": item}
    return {"type": "object", "required": ["items"], "properties": {"items": items}}


def _asked(exchange: Exchange, *known: str) -> dict[str, str]:
    return asked(exchange, MAY, "looking at processes", *known)
