"""Queries over HTTP: documents go out as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.domain.projection import PageOf
from twofold.domain.questions import Answering
from twofold.errors import InvalidInput, Problem
from twofold.http.exchange import Exchange
from twofold.http.tokens import asked, describe
from twofold.messages.validation import read_value
from twofold.ports.read_store import FacetCount
from twofold.runtime.system import System
from twofold.wiring.routes import Route

ENCODER = msgspec.json.Encoder(decimal_format="string")


class OneOperation:
    """A single document."""

    def __init__(self, route: Route, system: System) -> None:
        self._route = route
        self._system = system
        (self._name,) = route.path_names

    async def __call__(self, exchange: Exchange) -> None:
        """Answer with the stored bytes."""
        if exchange.scope["query_string"]:
            _refuse_parameters(exchange.query())
        question = await asked(exchange, self._system)
        key = exchange.parameters[self._name]
        found = await self._system.queries.one(self._route, key, question)
        describe(exchange, self._system, found.position, found.time_us, stale=found.stale)
        await exchange.answer(200, found.answer)


class PageOperation:
    """A list."""

    def __init__(self, route: Route, system: System) -> None:
        assert isinstance(route.target, PageOf)
        self._route = route
        self._system = system
        self._projection = route.target.projection.name
        self._model = system.wired.foldings[self._projection].model

    async def __call__(self, exchange: Exchange) -> None:
        """Answer with the stored bytes, joined."""
        question = await asked(exchange, self._system)
        queries = self._system.queries
        request, found = await queries.page(self._route, exchange.query(), question)
        selected = found.answer
        rest: dict[str, Any] = {
            "size": request.size,
            "total": selected.total,
            "nextCursor": queries.next_cursor(self._projection, request, selected),
        }
        if request.page is not None:
            rest["page"] = request.page
        if request.select.facets:
            rest["facets"] = self._facets(selected.facets)
        if selected.highlights:
            rest["highlights"] = selected.highlights
        describe(exchange, self._system, found.position, found.time_us, stale=found.stale)
        items = b",".join(selected.documents)
        body = b'{"items":[' + items + b"]," + ENCODER.encode(rest)[1:]
        await exchange.answer(200, body)

    def _facets(self, facets: Mapping[str, Any]) -> dict[str, list[FacetCount]]:
        return {self._model.wire(name): counts for name, counts in facets.items()}


class AnswerOperation:
    """A query of the application's own."""

    def __init__(self, route: Route, system: System) -> None:
        assert isinstance(route.target, Answering)
        message = route.target.message([])
        assert message is not None
        self._message = message
        self._system = system
        self._several = {f.encode_name for f in struct_fields(message) if _is_several(f.type)}

    async def __call__(self, exchange: Exchange) -> None:
        """Read the parameters into the query, answer."""
        query = read_value(self._message, self._raw(exchange), strict=False)
        question = await asked(exchange, self._system)
        found = await self._system.ask(query, question)
        describe(exchange, self._system, found.position, found.time_us, stale=found.stale)
        await exchange.answer(200, ENCODER.encode(found.answer))

    def _raw(self, exchange: Exchange) -> dict[str, Any]:
        raw: dict[str, Any] = dict(exchange.parameters)
        problems = []
        for name, values in exchange.query().items():
            if name in self._several:
                raw[name] = values
            elif len(values) > 1 or name in exchange.parameters:
                problems.append(Problem(name, "given more than once"))
            else:
                raw[name] = values[0]
        if problems:
            raise InvalidInput(problems)
        return raw


def _is_several(kind: Any) -> bool:
    candidates = (kind, *get_args(kind))
    return any(get_origin(one) in (tuple, list, frozenset) for one in candidates)


def _refuse_parameters(given: Mapping[str, Any]) -> None:
    if given:
        raise InvalidInput([Problem(name, "there are no parameters here") for name in given])
