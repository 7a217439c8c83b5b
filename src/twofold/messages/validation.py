"""Reading input into a typed value, or everything that is wrong with it.

msgspec stops at the first problem. That is right for the usual case, input without any; when there
is one, every field is read by itself and all problems are named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.errors import InvalidInput, Problem

V = TypeVar("V")
_PATH = re.compile(r" - at `\$?\.?(.*)`$")
# C0 and C1 controls except tab, line feed and carriage return: nothing a person types.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WORDS = (
    (re.compile(r"Expected `(.+)`, got `(.+)`"), r"expected \1, got \2"),
    (re.compile(r"Expected `str` of length >= (\d+)"), r"needs at least \1 characters"),
    (re.compile(r"Expected `str` of length <= (\d+)"), r"may have at most \1 characters"),
    (re.compile(r"Expected `(?:array|object)` of length >= (\d+)"), r"needs at least \1 entries"),
    (re.compile(r"Expected `(?:array|object)` of length <= (\d+)"), r"may have at most \1 entries"),
    (re.compile(r"Expected `\w+` >= (\S+)"), r"must be at least \1"),
    (re.compile(r"Expected `\w+` > (\S+)"), r"must be more than \1"),
    (re.compile(r"Expected `\w+` <= (\S+)"), r"must be at most \1"),
    (re.compile(r"Expected `\w+` < (\S+)"), r"must be less than \1"),
    (re.compile(r"Expected `str` matching regex (.+)"), r"must match \1"),
    (re.compile(r"Invalid enum value (.+)"), r"can't be \1"),
)


def read_value(kind: type[V], raw: Mapping[str, Any], *, strict: bool = True) -> V:
    """``raw`` (from JSON, or with ``strict=False`` texts from a query) as a ``kind``.

    Raises InvalidInput naming every problem with its path, such as ``lines[2].quantity``.
    """
    problems = list(_control_characters(raw, ""))
    try:
        value = msgspec.convert(raw, kind, strict=strict)
        problems += _not_finite(value, "")
    except msgspec.ValidationError as exc:
        found = _problems(kind, raw, "", strict)
        raise InvalidInput([*problems, *(found or [_problem(exc, "")])]) from exc
    if problems:
        raise InvalidInput(problems)
    return value


def _not_finite(value: Any, path: str) -> list[Problem]:
    """Decimal takes "NaN" and "Infinity", which no business can add up."""
    if isinstance(value, Decimal):
        return [] if value.is_finite() else [Problem(path, "must be a finite number")]
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        inner = [(f"{path}.{wire}" if path else wire, getattr(value, name)) for name, wire in names]
    elif isinstance(value, list | tuple):
        inner = [(f"{path}[{index}]", one) for index, one in enumerate(value)]
    else:
        return []
    return [problem for where, one in inner for problem in _not_finite(one, where)]


def _problems(kind: Any, raw: Any, path: str, strict: bool) -> list[Problem]:
    struct = _struct(kind)
    if struct is not None and isinstance(raw, Mapping):
        return _struct_problems(struct, raw, path, strict)
    item = _item(kind)
    if item is not None and isinstance(raw, Sequence) and not isinstance(raw, str):
        found = [
            problem
            for index, one in enumerate(raw)
            for problem in _problems(item, one, f"{path}[{index}]", strict)
        ]
        if found:
            return found
    try:
        msgspec.convert(raw, kind, strict=strict)
    except msgspec.ValidationError as exc:
        return [_problem(exc, path, kind)]
    return []


def _struct_problems(
    struct: type[msgspec.Struct], raw: Mapping[str, Any], path: str, strict: bool
) -> list[Problem]:
    known = {field.encode_name: field for field in struct_fields(struct)}
    found = []
    for name, field in known.items():
        inner = f"{path}.{name}" if path else name
        if name in raw:
            found += _problems(field.type, raw[name], inner, strict)
        elif field.required:
            found.append(Problem(inner, "is missing"))
    if struct.__struct_config__.forbid_unknown_fields:
        for name in raw.keys() - known.keys():
            allowed = ", ".join(known) or "none"
            inner = f"{path}.{name}" if path else str(name)
            found.append(Problem(inner, f"no such field; there are: {allowed}"))
    return sorted(found, key=lambda problem: problem.field)


def _problem(exc: msgspec.ValidationError, path: str, kind: Any = None) -> Problem:
    text = str(exc)
    match = _PATH.search(text)
    if match:
        text = text[: match.start()]
        rest = match.group(1)
        path = path + rest if rest.startswith("[") or not path else f"{path}.{rest}".rstrip(".")
    for pattern, words in _WORDS:
        text, count = pattern.subn(words, text)
        if count:
            break
    allowed = _enum_values(kind)
    if allowed:
        text = f"one of {', '.join(allowed)}"
    return Problem(path, text)


def _enum_values(kind: Any) -> list[str]:
    info = msgspec.inspect.type_info(kind) if kind is not None else None
    if isinstance(info, msgspec.inspect.EnumType):
        return [str(member.value) for member in info.cls]
    return []


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    for candidate in (kind, *get_args(kind)):
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate if get_origin(kind) not in (tuple, list, frozenset, set) else None
    return None


def _item(kind: Any) -> Any:
    if get_origin(kind) in (tuple, list, frozenset, set):
        return get_args(kind)[0]
    for candidate in get_args(kind):
        if get_origin(candidate) in (tuple, list, frozenset, set):
            return get_args(candidate)[0]
    return None


def _control_characters(raw: Any, path: str) -> list[Problem]:
    if isinstance(raw, str):
        match = _CONTROL.search(raw)
        if match is None:
            return []
        return [Problem(path, f"must not contain the control character U+{ord(match[0]):04X}")]
    if isinstance(raw, Mapping):
        return [
            problem
            for name, value in raw.items()
            for problem in _control_characters(value, f"{path}.{name}" if path else str(name))
        ]
    if isinstance(raw, list | tuple):
        return [
            problem
            for index, value in enumerate(raw)
            for problem in _control_characters(value, f"{path}[{index}]")
        ]
    return []
