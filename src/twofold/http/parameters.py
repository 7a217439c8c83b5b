"""Parameters as OpenAPI describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from twofold.ports.read_store import ColumnKind
from twofold.runtime.listing import DEFAULT_SIZE, LARGEST_SIZE, LONGEST_TEXT
from twofold.runtime.scalars import DECIMAL_PATTERN
from twofold.wiring.model import Field

REFS = "#/components/schemas/{name}"
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Sending the same key again has no second effect",
    "schema": {"type": "string", "pattern": '^("[!#-~]{1,255}"|[!#-~]{1,255})$'},
}
LATER = {
    "name": "Prefer",
    "in": "header",
    "description": "respond-async: answer 202 once it is accepted; wait=SECONDS: unless it is "
    "decided by then",
    "schema": {"type": "string"},
}
FRESHNESS = [
    {
        "name": "Consistency-Token",
        "in": "header",
        "description": "From a command: the answer contains at least what it did",
        "schema": {"type": "string"},
    },
    {
        "name": "Prefer",
        "in": "header",
        "description": "wait=SECONDS: how long to wait for that (default 2, at most 30)",
        "schema": {"type": "string"},
    },
]
PAGE = {"description": "From 0", "type": "integer", "minimum": 0, "maximum": 500, "default": 0}
SIZE = {
    "description": "Items on a page",
    "type": "integer",
    "minimum": 1,
    "maximum": LARGEST_SIZE,
    "default": DEFAULT_SIZE,
}
CURSOR = {
    "description": "`nextCursor` of the page before: pages stay whole while items come and go",
    "type": "string",
}
MINE = {
    "description": "Only what is yours, whatever else you may see",
    "type": "string",
    "enum": ["true", "false"],
}
TEXT = {
    "description": "Words that must all occur; the last one may be the beginning of one",
    "type": "string",
    "maxLength": LONGEST_TEXT,
}
# Narrower than what is taken: exponents and bare points are nothing to generate clients for.
_DECIMAL = {"pattern": "^[+-]?[0-9]{1,14}(\\.[0-9]{1,14})?$"}
_TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
_BOUNDS = {"at_least": "From this on, itself included", "at_most": "Up to this, itself included"}
_KINDS: dict[ColumnKind, dict[str, Any]] = {
    ColumnKind.INTEGER: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    ColumnKind.DECIMAL: {"type": "string", "format": "decimal", "pattern": f"^{DECIMAL_PATTERN}$"},
    ColumnKind.BOOLEAN: {"type": "boolean"},
    ColumnKind.TIME: {
        "type": "string",
        "anyOf": [{"format": "date-time"}, {"format": "date"}],
    },
    ColumnKind.DATE: {"type": "string", "format": "date"},
}


def path_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A segment of the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameter(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    """A parameter of the query."""
    return {"name": name, "in": "query", "required": required, "schema": schema}


def filter_schema(field: Field, test: str) -> dict[str, Any]:
    """What a list's filter takes; equality may be asked for several values."""
    assert field.kind is not None
    schema = _KINDS.get(field.kind) or _text_schema(field)
    if test == "any_of":
        return {"description": "Any of these", "type": "array", "items": schema}
    return {**schema, "description": _BOUNDS[test]}


def _text_schema(field: Field) -> dict[str, Any]:
    # What a field may contain limits what is written, not what is asked for.
    allowed = plain_schema(field.annotation).get("enum")
    return {"type": "string", "enum": allowed} if allowed else _TEXT


def facets_schema(names: Sequence[str]) -> dict[str, Any]:
    """Any number of a list's facets."""
    one = f"({'|'.join(names)})"
    return {
        "type": "string",
        "description": "Count the values of these, with commas",
        "pattern": f"^{one}?(,{one}?)*$",
    }


def plain_schema(kind: Any) -> dict[str, Any]:
    """The schema of a type without references, null left out: parameters are texts."""
    schema, components = msgspec.json.schema_components([kind], ref_template=REFS)
    plain: dict[str, Any] = _inlined(schema[0], components)
    return plain


def _inlined(schema: Any, components: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _inlined(components[schema["$ref"].rpartition("/")[2]], components)
    options = [o for o in schema.get("anyOf", ()) if o.get("type") != "null"]
    if len(options) == 1:
        return _inlined(options[0], components)
    extra = _DECIMAL if schema.get("format") == "decimal" else {}
    return {**{name: value for name, value in schema.items() if name != "default"}, **extra}
