"""Process managers over HTTP: for operators to look at."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.caller import role
from twofold.errors import InvalidInput, Problem
from twofold.http.exchange import Exchange
from twofold.http.parameters import REFS, path_parameter, query_parameter
from twofold.http.responses import problems
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
_SIZE, _LARGEST = 20, 200


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
        await _answer(exchange, {"items": await self._views.processes()})

    async def instances(self, exchange: Exchange) -> None:
        """A page of instances."""
        given = _asked(exchange, "cursor", "size", "status")
        process, status = exchange.parameters["process"], given.get("status", "")
        cursor, size = given.get("cursor", ""), _size(given)
        page = await self._views.instances(process, cursor, size, status)
        await _answer(exchange, page)

    async def instance(self, exchange: Exchange) -> None:
        """One instance."""
        _asked(exchange)
        await _answer(exchange, await self._views.instance(**exchange.parameters))

    async def history(self, exchange: Exchange) -> None:
        """Its steps."""
        given = _asked(exchange, "after", "size")
        size = _size(given)
        after = _whole("after", given.get("after", "0"), 0, 2**53)
        steps = await self._views.history(**exchange.parameters, after=after, limit=size)
        await _answer(exchange, {"items": steps})


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
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "description": f"For {MAY.text}.",
            "tags": ["processes"],
            "parameters": parameters,
            "responses": {
                "200": {
                    "description": "Found",
                    "content": {"application/json": {"schema": answer}},
                },
                **problems("400", "401", "403", "503", *more),
            },
            "security": [{"bearer": []}, {"session": []}],
        }
    }


def _items(item: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "items": item}
    return {"type": "object", "required": ["items"], "properties": {"items": items}}


def _asked(exchange: Exchange, *known: str) -> dict[str, str]:
    """The parameters of the query. Raises Forbidden, SignInRequired, InvalidInput."""
    MAY.check("looking at processes", exchange.caller)
    wrong = []
    given = exchange.query()
    for name, values in given.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            wrong.append(Problem(name, f"no such parameter; there are: {listed}"))
        elif len(values) > 1:
            wrong.append(Problem(name, "given more than once"))
    if wrong:
        raise InvalidInput(wrong)
    return {name: values[0] for name, values in given.items()}


def _size(given: dict[str, str]) -> int:
    return _whole("size", given.get("size", str(_SIZE)), 1, _LARGEST)


def _whole(name: str, text: str, least: int, most: int) -> int:
    digits = text.isascii() and text.isdigit() and len(text) < 17
    if not digits or not least <= int(text) <= most:
        raise InvalidInput([Problem(name, f"a whole number from {least} to {most}")])
    return int(text)


async def _answer(exchange: Exchange, what: object) -> None:
    await exchange.answer(200, msgspec.json.encode(what))
