"""OpenAPI 3.1, generated from messages, markers and rules."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.domain.caller import Rule, signed_in
from twofold.domain.projection import OneOf, PageOf
from twofold.domain.questions import Answering
from twofold.domain.signatures import hints
from twofold.http.exchange import Exchange
from twofold.http.explaining import explaining_paths
from twofold.http.objectives import objective_paths
from twofold.http.parameters import (
    CURSOR,
    FRESHNESS,
    IDEMPOTENCY_KEY,
    LATER,
    MINE,
    PAGE,
    REFS,
    SIZE,
    TEXT,
    facets_schema,
    filter_schema,
    path_parameter,
    plain_schema,
    query_parameter,
)
from twofold.http.parked import parked_paths
from twofold.http.processes import process_paths
from twofold.http.responses import (
    COMMAND_STATUS_SCHEMA,
    PROBLEM_SCHEMA,
    accepted,
    done,
    found,
    own_problems,
    page_schema,
    problems,
)
from twofold.http.tables import columns_of
from twofold.messages.value import Command
from twofold.runtime.system import System
from twofold.wiring.routes import Route

_ABOUT = """\
Commands are sent by POST, PUT and DELETE, queries by GET.

* **Once, however often sent**: give a command an `Idempotency-Key`; the same key is answered alike.
* **See what you did**: send the `Consistency-Token` of a command's answer with later queries.
* **How current**: every answer of a query has `As-Of` and `Freshness`.
* **Lists**: `page` and `size`, or `cursor`; `sortBy`, `sortDirection`, `facets`, `q`, and filters.
* **Problems** (RFC 9457) name everything that is wrong at once; their `type` explains what to do.
"""


class OpenApi:
    """GET /openapi.json; made once."""

    def __init__(self, system: System, *, demo: bool) -> None:
        self._system = system
        self._demo = demo
        self._body = b""

    async def __call__(self, exchange: Exchange) -> None:
        """Answer the document."""
        if not self._body:
            self._body = msgspec.json.encode(self.document())
        await exchange.answer(200, self._body)

    def document(self) -> dict[str, Any]:
        """The whole document."""
        routes = [route for route in self._system.wired.routes if route.path]
        types = [kind for route in routes for kind in self._types(route)]
        schemas, self._schemas = self._components(types)
        paths: dict[str, dict[str, Any]] = {}
        for route in routes:
            paths.setdefault(route.path, {})[route.method.lower()] = self._operation(route)
        if self._system.wired.reactings:
            processes, more = process_paths()
            paths, schemas = paths | processes, schemas | more
        for parts in (parked_paths(), explaining_paths(), objective_paths()):
            paths, schemas = paths | parts[0], schemas | parts[1]
        paths["/commands/{commandId}"] = {"get": _command_status()}
        return {
            "openapi": "3.1.0",
            "info": {
                "title": self._system.application.title,
                "version": "1",
                "description": _ABOUT,
            },
            "tags": [{"name": module.name} for module in self._system.application.modules],
            "paths": paths,
            "components": {
                "schemas": {
                    **schemas,
                    "Problem": PROBLEM_SCHEMA,
                    "CommandStatus": COMMAND_STATUS_SCHEMA,
                },
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                    "session": {"type": "apiKey", "in": "cookie", "name": "twofold_session"},
                },
            },
        }

    def _components(self, types: list[Any]) -> tuple[dict[str, Any], dict[Any, dict[str, Any]]]:
        unique = list(dict.fromkeys(types))
        made, schemas = msgspec.json.schema_components(unique, ref_template=REFS)
        return schemas, dict(zip(unique, made, strict=True))

    def _types(self, route: Route) -> list[Any]:
        target = route.target
        if isinstance(target, type):
            return [target, *self._answer_types(target)]
        if isinstance(target, Answering):
            return [target.message([]), target.answer_type()]
        return [target.projection.model]

    def _answer_types(self, command: type[Command]) -> list[Any]:
        answer = self._system.wired.handlings[command].aggregate.answer
        return [hints(answer)["return"]] if answer is not None else []

    def _operation(self, route: Route) -> dict[str, Any]:
        target = route.target
        if isinstance(target, type):
            return self._command(route, target)
        if isinstance(target, OneOf):
            return self._one(route)
        return self._page(route) if isinstance(target, PageOf) else self._answer(route, target)

    def _tags(self, route: Route) -> list[str]:
        """The module that declares it."""
        modules = self._system.application.modules
        return [module.name for module in modules if any(part is route for part in module.parts)]

    def _body_schema(self, route: Route, message: type[msgspec.Struct]) -> dict[str, Any]:
        """What the body holds: everything that the path does not give."""
        schema = self._resolved(message)
        properties = {
            name: value
            for name, value in schema.get("properties", {}).items()
            if name not in route.path_names
        }
        required = [name for name in schema.get("required", ()) if name in properties]
        body = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**body, "required": required} if required else body

    def _command(self, route: Route, command: type[Command]) -> dict[str, Any]:
        fields = {field.encode_name: field for field in struct_fields(command)}
        body = self._body_schema(route, command)
        required = body.get("required", ())
        handling = self._system.wired.handlings[command]
        answers = self._answer_types(command)
        answer = self._schemas[answers[0]] if answers else {"type": "object"}
        status = "201" if handling.begins else "200"
        described = {
            "operationId": command.__name__,
            **_told(route, command, command.__name__),
            "tags": self._tags(route),
            "parameters": [
                *(
                    path_parameter(name, plain_schema(fields[name].type))
                    for name in route.path_names
                ),
                IDEMPOTENCY_KEY,
                LATER,
            ],
            "responses": {
                status: done(answer, created=status == "201"),
                "202": accepted(),
                **problems("400", "409", "413", "415", "422", "503", "507", *_signed(route.may)),
                **(problems("404") if status == "200" else {}),
                **own_problems(self._system.application.problems),
            },
            **_security(route.may),
        }
        if body["properties"]:
            described["requestBody"] = {
                "required": bool(required),
                "content": {"application/json": {"schema": body}},
            }
        return described

    def _one(self, route: Route) -> dict[str, Any]:
        assert isinstance(route.target, OneOf)
        model = route.target.projection.model
        return {
            "operationId": f"get{model.__name__}",
            **_told(route, model, f"One {model.__name__}"),
            "tags": self._tags(route),
            "parameters": [path_parameter(route.path_names[0], {"type": "string"}), *FRESHNESS],
            "responses": {
                "200": found(self._schemas[model]),
                "304": {"description": "What If-None-Match names is still current"},
                **problems("400", "404", "503", *_signed(route.may)),
            },
            **_security(route.may),
        }

    def _page(self, route: Route) -> dict[str, Any]:
        assert isinstance(route.target, PageOf)
        projection = route.target.projection
        listing = self._system.queries.listings[projection.name]
        parameters = [
            query_parameter(name, filter_schema(field, test))
            for name, (field, test) in listing.parameters.items()
        ]
        parameters += [
            query_parameter("page", PAGE),
            query_parameter("size", SIZE),
            query_parameter("sortDirection", {"type": "string", "enum": ["asc", "desc"]}),
            query_parameter("cursor", CURSOR),
        ]
        if listing.sorts:
            parameters.append(
                query_parameter("sortBy", {"type": "string", "enum": list(listing.sorts)})
            )
        if listing.facets:
            parameters.append(query_parameter("facets", facets_schema(listing.facets)))
        if listing.model.owner:
            parameters.append(query_parameter("mine", MINE))
        if listing.model.texts:
            parameters.append(query_parameter("q", TEXT))
        return {
            "operationId": f"list{projection.model.__name__}",
            "summary": f"List {_things(route)}",
            "description": f"For {route.may.text}.",
            "tags": self._tags(route),
            "parameters": [*parameters, *FRESHNESS],
            "responses": {
                "200": found(page_schema(self._schemas[projection.model])),
                **problems("400", "503", *_signed(route.may)),
            },
            **_security(route.may),
        }

    def _answer(self, route: Route, target: Answering) -> dict[str, Any]:
        message = target.message([])
        assert message is not None
        fields = {field.encode_name: field for field in struct_fields(message)}
        posted = route.method == "POST"
        parameters = [
            path_parameter(name, plain_schema(field.type))
            if name in route.path_names
            else query_parameter(name, plain_schema(field.type), required=field.required)
            for name, field in fields.items()
            if name in route.path_names or not posted
        ]
        body = {"content": {"application/json": {"schema": self._body_schema(route, message)}}}
        answer = found(self._schemas[target.answer_type()])
        if columns_of(target.answer_type()):
            answer["content"]["text/csv"] = {"schema": {"type": "string"}}
        return {
            **({"requestBody": {"required": True, **body}} if posted else {}),
            "operationId": message.__name__,
            **_told(route, message, message.__name__),
            "tags": self._tags(route),
            "parameters": [*parameters, *FRESHNESS],
            "responses": {
                "200": answer,
                **problems("400", "404", "503", *_signed(route.may)),
                **(problems("413", "415", "422") if posted else {}),
            },
            **_security(route.may),
        }

    def _resolved(self, kind: Any) -> dict[str, Any]:
        schemas = msgspec.json.schema_components([kind], ref_template=REFS)[1]
        schema: dict[str, Any] = schemas[kind.__name__]
        return schema


def _command_status() -> dict[str, Any]:
    schema = {"$ref": REFS.format(name="CommandStatus")}
    return {
        "operationId": "getCommandStatus",
        "summary": "What became of a command",
        "description": "For whoever sent it, and for operators.",
        "tags": ["commands"],
        "parameters": [path_parameter("commandId", {"type": "string"})],
        "responses": {
            "200": {"description": "Found", "content": {"application/json": {"schema": schema}}},
            **problems("400", "401", "404", "503"),
        },
        **_security(signed_in),
    }


def _signed(rule: Rule) -> tuple[str, ...]:
    # A bad token is refused even where none is needed.
    return ("401",) if rule.text == "anyone" else ("401", "403")


def _security(rule: Rule) -> dict[str, Any]:
    needed: list[dict[str, Any]] = [{"bearer": []}, {"session": []}]
    return {"security": [{}, *needed] if rule.text == "anyone" else needed}


def _things(route: Route) -> str:
    """What a list is of, as its path says: ``/api/training-offers`` → ``training offers``."""
    fixed = [segment for segment in route.path.split("/") if segment and "{" not in segment]
    return fixed[-1].replace("-", " ") if fixed else "all"


def _told(route: Route, kind: type, otherwise: str) -> dict[str, str]:
    """The first sentence of a docstring as the summary, the rest and who may as description."""
    own = kind.__doc__ if "__doc__" in vars(kind) else ""
    text = " ".join(inspect.cleandoc(own or "").partition("\n\n")[0].split())
    first, _, rest = text.partition(". ")
    summary = first.rstrip(".") or otherwise
    return {"summary": summary, "description": f"{rest} For {route.may.text}.".strip()}
