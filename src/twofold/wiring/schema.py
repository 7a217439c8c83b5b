"""What events look like, written down, so that two releases can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.wiring.wired import Wired


class FieldShape(msgspec.Struct, frozen=True):
    """A field on the wire: whether it must be there, and its JSON schema."""

    required: bool
    schema: Any


class EventShape(msgspec.Struct, frozen=True):
    """A version of an event: its number and fields by wire name."""

    version: int
    fields: dict[str, FieldShape]


Shapes = Mapping[str, EventShape]


def event_shapes(wired: Wired) -> dict[str, EventShape]:
    """All events by their name in the log, former names included."""
    found = {}
    for name, kind in sorted(wired.events.by_name.items()):
        fields = {
            field.encode_name: FieldShape(field.required, _plain(field.type))
            for field in struct_fields(kind.cls)
        }
        found[name] = EventShape(kind.version, fields)
    return found


def written(shapes: Shapes) -> bytes:
    """As a file that reads well in a diff."""
    return msgspec.json.format(msgspec.json.encode(shapes, order="sorted"), indent=2) + b"\n"


def read(text: bytes) -> dict[str, EventShape]:
    """The reverse. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(text, type=dict[str, EventShape])


def breaking_changes(old: Shapes, new: Shapes) -> list[str]:
    """Changes after which events recorded by ``old`` can't be read by ``new``, and what to do.

    An event whose version was raised has an upcaster and may look as it likes.
    """
    problems = []
    for name, before in old.items():
        after = new.get(name)
        if after is None:
            problems.append(
                f"{name} is gone, but may be recorded: keep the class, or declare its new name "
                f"with aggregate.formerly(NewClass, {name.partition('.')[2]!r})"
            )
        elif after.version < before.version:
            problems.append(
                f"{name} went back from version {before.version} to {after.version}: keep the "
                "upcasters, events of all versions may be recorded"
            )
        elif after.version == before.version:
            problems += _field_changes(name, before, after)
    return problems


def _field_changes(name: str, before: EventShape, after: EventShape) -> list[str]:
    upcast = f"or lift old ones: @aggregate.upcasts({name.partition('.')[2]}, {before.version})"
    problems = []
    for field, shape in after.fields.items():
        known = before.fields.get(field)
        if known is None and shape.required:
            problems.append(f"{name}.{field} is new and required: give it a default, {upcast}")
        elif known is not None and known.schema != shape.schema and not _wider(known, shape):
            problems.append(f"{name}.{field} has another type: keep the type, {upcast}")
        elif known is not None and shape.required and not known.required:
            problems.append(f"{name}.{field} became required: keep its default, {upcast}")
    for field in before.fields.keys() - after.fields.keys():
        problems.append(f"{name}.{field} is gone and its data would be lost: keep it, {upcast}")
    return problems


def _wider(before: FieldShape, after: FieldShape) -> bool:
    """Whether everything that fitted before still fits: more options, or more enum values."""
    old, new = before.schema, after.schema
    if "enum" in old and "enum" in new:
        return set(map(str, old["enum"])) <= set(map(str, new["enum"]))
    options = new.get("anyOf", ())
    return bool(options) and all(one in options for one in old.get("anyOf", (old,)))


def _plain(kind: Any) -> Any:
    (schema,), components = msgspec.json.schema_components([kind])
    return _without_names(schema, components, ())


def _without_names(schema: Any, components: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    """References resolved, descriptions and defaults left out: only what fits counts."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in within:
                return {"recursive": name}
            return _without_names(components[name], components, (*within, name))
        told = ("title", "description", "default", "examples")
        return {
            key: _without_names(value, components, within)
            for key, value in schema.items()
            if key not in told or isinstance(value, dict)
        }
    if isinstance(schema, list):
        return [_without_names(one, components, within) for one in schema]
    return schema
