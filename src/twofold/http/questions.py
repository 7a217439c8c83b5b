"""Queries over HTTP: documents go out as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.domain.projection import PageOf
from twofold.domain.questions import Answering
from twofold.errors import InvalidInput, Problem
from twofold.http.commands import read_object
from twofold.http.exchange import Exchange
from twofold.http.tables import CSV, columns_of, table, wants_table
from twofold.http.tokens import asked, describe
from twofold.messages.shapes import is_several
from twofold.messages.validation import read_value
from twofold.messages.value import Query
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
        await exchange.answer_kept(found.answer)


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
        return {self._model.fields[name].parameter: counts for name, counts in facets.items()}


class AnswerOperation:
    """A query of the application's own."""

    def __init__(self, route: Route, system: System, limit_bytes: int) -> None:
        assert isinstance(route.target, Answering)
        message = route.target.message([])
        assert message is not None
        self._message = message
        self._limit = limit_bytes if route.method == "POST" else 0
        self._system = system
        self._several = {f.encode_name for f in struct_fields(message) if is_several(f.type)}
        self._columns = columns_of(route.target.answer_type())

    async def __call__(self, exchange: Exchange) -> None:
        """Read the parameters into the query, answer."""
        query = await self._posted(exchange) if self._limit else self._read(exchange)
        question = await asked(exchange, self._system)
        found = await self._system.ask(query, question)
        describe(exchange, self._system, found.position, found.time_us, stale=found.stale)
        if self._columns:
            exchange.add(b"vary", "accept")
            if wants_table(exchange):
                await exchange.answer(200, table(self._columns, found.answer.items), CSV)
                return
        await exchange.answer(200, ENCODER.encode(found.answer))

    async def _posted(self, exchange: Exchange) -> Query[Any]:
        raw = await read_object(exchange, self._limit)
        return read_value(self._message, raw, given=exchange.parameters)

    def _read(self, exchange: Exchange) -> Query[Any]:
        raw: dict[str, Any] = {}
        problems = []
        for name, values in exchange.query().items():
            raw[name] = values if name in self._several else values[0]
            if len(values) > 1 and name not in self._several:
                problems.append(Problem(name, "is given more than once"))
        return read_value(
            self._message, raw, strict=False, given=exchange.parameters, problems=problems
        )


def _refuse_parameters(given: Mapping[str, Any]) -> None:
    if given:
        raise InvalidInput([Problem(name, "there are no parameters here") for name in given])
