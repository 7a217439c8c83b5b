"""Answers as OpenAPI describes them: what each status means, and what comes with it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from twofold.errors import Refused
from twofold.http.parameters import REFS

_HEADERS = {
    "Consistency-Token": {"description": "What the answer contains", "schema": {"type": "string"}},
    "As-Of": {
        "description": "Time of the last event that the answer contains",
        "schema": {"type": "string", "format": "date-time"},
    },
    "Freshness": {
        "description": "Whether everything recorded so far is in the answer",
        "schema": {"type": "string", "enum": ["current", "stale"]},
    },
}
_RETRY = {
    "Retry-After": {"description": "Seconds until it is worth it", "schema": {"type": "string"}}
}
_MEANINGS = {
    "400": "The request can't be read; of a query, `errors` names every wrong parameter",
    "401": "Nobody is signed in, or the token is no good",
    "403": "You are signed in, but this is for others",
    "404": "There is no such thing, or it is not yours",
    "409": "A business rule says no: `detail` says which, `allowed` what would be possible",
    "413": "The body is too large",
    "415": "The body is no JSON by its Content-Type",
    "422": "`errors` names every wrong field; or the Idempotency-Key came with another payload",
    "503": "Not caught up with the Consistency-Token in time, or a database does not answer",
    "507": "The database has no room left; nothing was half-applied",
}

PROBLEM_SCHEMA = {
    "description": "RFC 9457. `type` is an address that explains the problem and what to do.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/refused"]},
        "title": {"type": "string", "examples": ["Not possible now"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {"type": "string", "description": "What is wrong this time"},
        "allowed": {"type": "string", "description": "Of a refusal: what would be possible"},
        "errors": {
            "description": "Everything that is wrong with the input, at once",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "examples": ["lines[0].quantity"]},
                    "message": {"type": "string", "examples": ["must be at least 1"]},
                },
            },
        },
        "requestId": {"type": "string", "description": "Of the request, as in the logs"},
    },
}

COMMAND_STATUS_SCHEMA = {
    "type": "object",
    "required": ["commandId", "status", "result", "problem", "consistencyToken"],
    "properties": {
        "commandId": {"type": "string"},
        "status": {"enum": ["accepted", "running", "succeeded", "refused", "failed"]},
        "result": {"type": ["object", "null"], "description": "What the command answered"},
        "problem": {"anyOf": [{"$ref": REFS.format(name="Problem")}, {"type": "null"}]},
        "consistencyToken": {"type": ["string", "null"], "description": "For queries after it"},
    },
}


def done(schema: dict[str, Any], *, created: bool) -> dict[str, Any]:
    """The answer of a command."""
    return {
        "description": "Made, as the body says" if created else "Done; the second time as well",
        "headers": {
            "Consistency-Token": {
                "description": "Send it with queries that must show the effect",
                "schema": {"type": "string"},
            },
            "Command-Id": {
                "description": "For GET /commands/{commandId}",
                "schema": {"type": "string"},
            },
        },
        "content": {"application/json": {"schema": schema}},
    }


def accepted() -> dict[str, Any]:
    """The answer of a command that is decided later."""
    return {
        "description": "Accepted; ask at `Location` what became of it",
        "headers": {
            "Location": {
                "description": "/commands/{commandId}",
                "schema": {"type": "string"},
            },
        },
        "content": {
            "application/json": {"schema": {"$ref": REFS.format(name="CommandStatus")}},
        },
    }


def found(schema: dict[str, Any]) -> dict[str, Any]:
    """The answer of a query."""
    return {
        "description": "The answer, and how current it is",
        "headers": _HEADERS,
        "content": {"application/json": {"schema": schema}},
    }


def page_schema(item: dict[str, Any]) -> dict[str, Any]:
    """A page of a list."""
    count = {"type": "object", "properties": {"value": {}, "count": {"type": "integer"}}}
    return {
        "type": "object",
        "required": ["items", "size", "total", "nextCursor"],
        "properties": {
            "items": {"type": "array", "items": item},
            "page": {"type": "integer", "description": "From 0; left out after a cursor"},
            "size": {"type": "integer"},
            "total": {"type": ["integer", "null"], "description": "On all pages together"},
            "nextCursor": {
                "type": ["string", "null"],
                "description": "For the next page; null at the end",
            },
            "facets": {
                "description": "How many items have which value, by field asked for",
                "type": "object",
                "additionalProperties": {"type": "array", "items": count},
            },
            "highlights": {
                "description": "For each item the fields that `q` was found in, as HTML",
                "type": "array",
                "items": {"type": "object"},
            },
        },
    }


def problems(*statuses: str) -> dict[str, Any]:
    """The answers with these statuses."""
    return {status: _problem(status, _MEANINGS[status]) for status in statuses}


def own_problems(own: Mapping[type[Refused], int]) -> dict[str, Any]:
    """The answers that an application gives to refusals of its own, in their words."""
    meanings: dict[str, list[str]] = {}
    for refusal, status in own.items():
        usual = [_MEANINGS[str(status)]] if str(status) in _MEANINGS else []
        words = inspect.getdoc(refusal) or refusal.__name__
        first_line = words.partition("\n")[0].rstrip(".")
        meanings.setdefault(str(status), usual).append(first_line)
    return {status: _problem(status, "; or ".join(each)) for status, each in meanings.items()}


def _problem(status: str, meaning: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": REFS.format(name="Problem")}}}
    answer = {"description": meaning, "content": content}
    return {**answer, "headers": _RETRY} if status == "503" else answer
