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
from twofold.http.parameters import (
    FRESHNESS,
    IDEMPOTENCY_KEY,
    REFS,
    facets_schema,
    filter_schema,
    path_parameter,
    plain_schema,
    query_parameter,
)
from twofold.http.processes import process_paths
from twofold.http.tables import columns_of
from twofold.messages.value import Command
from twofold.runtime.listing import LARGEST_SIZE, LONGEST_TEXT
from twofold.runtime.system import System
from twofold.wiring.routes import Route

_HEADERS = {
    "Consistency-Token": {"description": "What the answer contains", "schema": {"type": "string"}},
    "As-Of": {
        "description": "Time of the last event that the answer contains",
        "schema": {"type": "string", "format": "date-time"},
    },
    "Freshness": {"schema": {"type": "string", "enum": ["current", "stale"]}},
}


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
            found, more = process_paths()
            paths, schemas = paths | found, schemas | more
        paths["/commands/{commandId}"] = {"get": _command_status()}
        return {
            "openapi": "3.1.0",
            "info": {"title": self._system.application.title, "version": "1"},
            "paths": paths,
            "components": {
                "schemas": {
                    **schemas,
                    "Problem": _PROBLEM_SCHEMA,
                    "CommandStatus": _COMMAND_STATUS_SCHEMA,
                },
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                    "session": {"type": "apiKey", "in": "cookie", "name": "twofold_session"},
                },
            },
        }

    def _components(self, types: list[Any]) -> tuple[dict[str, Any], dict[Any, dict[str, Any]]]:
        unique = list(dict.fromkeys(types))
        found, schemas = msgspec.json.schema_components(unique, ref_template=REFS)
        return schemas, dict(zip(unique, found, strict=True))

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
        status = "200" if handling.identity_field or handling.via else "201"
        described = {
            "operationId": command.__name__,
            "summary": _summary(command) or command.__name__,
            "description": f"For {route.may.text}.",
            "tags": [handling.aggregate.name],
            "parameters": [
                *(
                    path_parameter(name, plain_schema(fields[name].type))
                    for name in route.path_names
                ),
                IDEMPOTENCY_KEY,
            ],
            "responses": {
                status: {
                    "description": "Done",
                    "headers": {"Consistency-Token": _HEADERS["Consistency-Token"]},
                    "content": {"application/json": {"schema": answer}},
                },
                **_problems("400", "409", "413", "415", "422", "503", "507", *_signed(route.may)),
                **(_problems("404") if status == "200" else {}),
                **self._own_problems(),
            },
            **_security(route.may),
        }
        if body["properties"]:
            described["requestBody"] = {
                "required": bool(required),
                "content": {"application/json": {"schema": body}},
            }
        return described

    def _own_problems(self) -> dict[str, Any]:
        statuses = {str(status) for status in self._system.application.problems.values()}
        return _problems(*sorted(statuses))

    def _one(self, route: Route) -> dict[str, Any]:
        assert isinstance(route.target, OneOf)
        model = route.target.projection.model
        return {
            "operationId": f"get{model.__name__}",
            "summary": _summary(model) or f"One {model.__name__}",
            "description": f"For {route.may.text}.",
            "tags": [route.target.projection.name],
            "parameters": [path_parameter(route.path_names[0], {"type": "string"}), *FRESHNESS],
            "responses": {
                "200": _found(self._schemas[model]),
                "304": {"description": "What If-None-Match names is still current"},
                **_problems("400", "404", "503", *_signed(route.may)),
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
            query_parameter("page", {"type": "integer", "minimum": 0, "maximum": 500}),
            query_parameter("size", {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE}),
            query_parameter("sortDirection", {"type": "string", "enum": ["asc", "desc"]}),
            query_parameter("cursor", {"type": "string"}),
        ]
        if listing.sorts:
            parameters.append(
                query_parameter("sortBy", {"type": "string", "enum": list(listing.sorts)})
            )
        if listing.facets:
            parameters.append(query_parameter("facets", facets_schema(listing.facets)))
        if listing.model.owner:
            parameters.append(
                query_parameter("mine", {"type": "string", "enum": ["true", "false"]})
            )
        if listing.model.texts:
            parameters.append(query_parameter("q", {"type": "string", "maxLength": LONGEST_TEXT}))
        return {
            "operationId": f"list{projection.model.__name__}",
            "summary": f"List of {projection.model.__name__}",
            "description": f"For {route.may.text}.",
            "tags": [projection.name],
            "parameters": [*parameters, *FRESHNESS],
            "responses": {
                "200": _found(_page_schema(self._schemas[projection.model])),
                **_problems("400", "503", *_signed(route.may)),
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
        found = _found(self._schemas[target.answer_type()])
        if columns_of(target.answer_type()):
            found["content"]["text/csv"] = {"schema": {"type": "string"}}
        return {
            **({"requestBody": {"required": True, **body}} if posted else {}),
            "operationId": message.__name__,
            "summary": _summary(message) or message.__name__,
            "description": f"For {route.may.text}.",
            "tags": [p.name for p in target.projections],
            "parameters": [*parameters, *FRESHNESS],
            "responses": {
                "200": found,
                **_problems("400", "404", "503", *_signed(route.may)),
            },
            **_security(route.may),
        }

    def _resolved(self, kind: Any) -> dict[str, Any]:
        schemas = msgspec.json.schema_components([kind], ref_template=REFS)[1]
        found: dict[str, Any] = schemas[kind.__name__]
        return found


_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "requestId": {"type": "string"},
    },
}


_COMMAND_STATUS_SCHEMA = {
    "type": "object",
    "required": ["commandId", "status", "result", "problem", "consistencyToken"],
    "properties": {
        "commandId": {"type": "string"},
        "status": {"enum": ["accepted", "running", "succeeded", "refused", "failed"]},
        "result": {"type": ["object", "null"]},
        "problem": {"anyOf": [{"$ref": REFS.format(name="Problem")}, {"type": "null"}]},
        "consistencyToken": {"type": ["string", "null"]},
    },
}


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
            **_problems("400", "401", "404", "503"),
        },
        **_security(signed_in),
    }


def _found(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": "Found",
        "headers": _HEADERS,
        "content": {"application/json": {"schema": schema}},
    }


def _page_schema(item: dict[str, Any]) -> dict[str, Any]:
    count = {"type": "object", "properties": {"value": {}, "count": {"type": "integer"}}}
    return {
        "type": "object",
        "required": ["items", "size", "total", "nextCursor"],
        "properties": {
            "items": {"type": "array", "items": item},
            "page": {"type": "integer"},
            "size": {"type": "integer"},
            "total": {"type": ["integer", "null"]},
            "nextCursor": {"type": ["string", "null"]},
            "facets": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": count},
            },
            "highlights": {"type": "array", "items": {"type": "object"}},
        },
    }


def _problems(*statuses: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": REFS.format(name="Problem")}}}
    return {status: {"description": "A problem", "content": content} for status in statuses}


def _signed(rule: Rule) -> tuple[str, ...]:
    # A bad token is refused even where none is needed.
    return ("401",) if rule.text == "anyone" else ("401", "403")


def _security(rule: Rule) -> dict[str, Any]:
    needed: list[dict[str, Any]] = [{"bearer": []}, {"session": []}]
    return {"security": [{}, *needed] if rule.text == "anyone" else needed}


def _summary(kind: type) -> str:
    own = kind.__doc__ if "__doc__" in vars(kind) else ""
    return inspect.cleandoc(own or "").partition("\n")[0]
