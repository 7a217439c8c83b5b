"""Reading input into a typed value, or everything that is wrong with it.

msgspec stops at the first problem. That is right for the usual case, input without any; when there
is one, every field is read by itself and all problems are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.errors import InvalidInput, Problem
from twofold.messages.shapes import item_types, struct_of, value_type
from twofold.messages.soundness import unsound
from twofold.messages.wording import worded

V = TypeVar("V", bound=msgspec.Struct)
_NO_NULL = "can't be null; leave it out"


def read_value(
    kind: type[V],
    raw: Mapping[str, Any],
    *,
    strict: bool = True,
    given: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
) -> V:
    """``raw`` (from JSON, or with ``strict=False`` texts from a query) as a ``kind``.

    ``given`` are fields known from elsewhere, as texts: the parameters of a path. Raises
    InvalidInput naming every problem with its path, such as ``lines[2].quantity``, after those
    in ``problems`` found before.
    """
    given = given or {}
    found = list(problems)
    found += [Problem(name, "is given by the path") for name in given if name in raw]
    whole = {**raw, **_converted(kind, given)} if given else raw
    try:
        value = msgspec.convert(whole, kind, strict=strict)
    except msgspec.ValidationError as exc:
        wrong = _struct_problems(kind, whole, "", strict, frozenset(given))
        raise InvalidInput([*found, *(wrong or [worded(exc, "", kind, strict=strict)])]) from exc
    found += unsound(value, "", whole) if strict else [*_spelled_nulls(value, raw), *unsound(value)]
    if found:
        raise InvalidInput(found)
    return value


def _spelled_nulls(value: msgspec.Struct, raw: Mapping[str, Any]) -> list[Problem]:
    """Texts that msgspec took for null; a query can leave a parameter out, but not empty it."""
    names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
    return [
        Problem(wire, _NO_NULL)
        for name, wire in names
        if wire in raw and getattr(value, name) is None
    ]


def _converted(kind: type[msgspec.Struct], given: Mapping[str, str]) -> dict[str, Any]:
    types = {field.encode_name: field.type for field in struct_fields(kind)}
    found: dict[str, Any] = dict(given)
    for name in given.keys() & types.keys():
        try:
            found[name] = msgspec.convert(given[name], types[name], strict=False)
        except msgspec.ValidationError:
            # Left as it is, so that it is reported with everything else.
            continue
    return found


def _problems(kind: Any, raw: Any, path: str, strict: bool) -> list[Problem]:
    try:
        value = msgspec.convert(raw, kind, strict=strict)
    except msgspec.ValidationError as exc:
        return _inner_problems(kind, raw, path, strict) or [worded(exc, path, kind, strict=strict)]
    if value is None and not strict:
        return [Problem(path, _NO_NULL)]
    return unsound(value, path, raw if strict else None)


def _inner_problems(kind: Any, raw: Any, path: str, strict: bool) -> list[Problem]:
    if isinstance(raw, Mapping):
        struct = struct_of(kind, raw)
        if struct is not None:
            return _struct_problems(struct, raw, path, strict)
        inside = value_type(kind)
        if inside is None:
            return []
        return [p for n, one in raw.items() for p in _problems(inside, one, f"{path}.{n}", strict)]
    if not isinstance(raw, list | tuple):
        return []
    kinds = item_types(kind, len(raw))
    if kinds is None:
        return []
    pairs = enumerate(zip(kinds, raw, strict=True))
    return [p for i, (one, item) in pairs for p in _problems(one, item, f"{path}[{i}]", strict)]


def _struct_problems(
    struct: type[msgspec.Struct],
    raw: Mapping[str, Any],
    path: str,
    strict: bool,
    given: frozenset[str] = frozenset(),
) -> list[Problem]:
    known = {field.encode_name: field for field in struct_fields(struct)}
    config = struct.__struct_config__
    inside = f"{path}." if path else ""
    found = []
    for name, field in known.items():
        if name in raw:
            found += _problems(field.type, raw[name], inside + name, strict and name not in given)
        elif field.required:
            found.append(Problem(inside + name, "is missing"))
    if config.forbid_unknown_fields:
        allowed = ", ".join(name for name in known if name not in given) or "none"
        for name in raw.keys() - known.keys() - {config.tag_field}:
            found.append(Problem(f"{inside}{name}", f"no such field; there are: {allowed}"))
    return sorted(found, key=lambda problem: problem.field)
