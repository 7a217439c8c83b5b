"""Values that fit their type and still can't be used: nothing downstream could keep them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from twofold.errors import Problem

_DEEPEST = 32
_MOST_DIGITS = 28
# C0 and C1 controls except tab, line feed and carriage return: nothing a person types.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ROUNDED = 'must be a decimal number in quotes, such as "12.50"'
_Flaw = tuple[str, str]


def unsound(value: Any, path: str = "", raw: Any = None) -> list[Problem]:
    """What is wrong inside ``value``, which stands at ``path`` and was read from ``raw``.

    Control characters in texts, numbers that no store can keep, decimals that JSON had as numbers
    (reading those rounds them), times without a zone, nesting deeper than any business needs.
    """
    flaws = _flaws(value, raw, 0)
    return [Problem(f"{path}{at}".removeprefix("."), message) for at, message in flaws]


def _flaws(value: Any, raw: Any, depth: int) -> list[_Flaw]:
    # Paths are put together on the way back, so that sound values cost none.
    if depth > _DEEPEST:
        return [("", f"is nested more than {_DEEPEST} levels deep")]
    if isinstance(value, msgspec.Struct):
        found = []
        given = raw if isinstance(raw, Mapping) else {}
        for name, wire in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            inner = _flaws(getattr(value, name), given.get(wire), depth + 1)
            found += [(f".{wire}{path}", message) for path, message in inner]
        return found
    if isinstance(value, Mapping):
        return _flaws_of_mapping(value, raw, depth)
    if isinstance(value, list | tuple):
        items = raw if isinstance(raw, list | tuple) else [None] * len(value)
        return [
            (f"[{index}]{path}", message)
            for index, (one, item) in enumerate(zip(value, items, strict=True))
            for path, message in _flaws(one, item, depth + 1)
        ]
    rounded = isinstance(value, Decimal) and isinstance(raw, int | float)
    flaw = _ROUNDED if rounded else _flaw(value)
    return [("", flaw)] if flaw else []


def _flaws_of_mapping(value: Mapping[Any, Any], raw: Any, depth: int) -> list[_Flaw]:
    given = raw if isinstance(raw, Mapping) else {}
    found = []
    for name, one in value.items():
        if isinstance(name, str) and _CONTROL.search(name):
            found.append(("", "has a name with a control character"))
        inner = _flaws(one, given.get(name), depth + 1)
        found += [(f".{name}{path}", message) for path, message in inner]
    return found


def _flaw(value: Any) -> str:
    if isinstance(value, str):
        match = _CONTROL.search(value)
        return f"must not contain the control character U+{ord(match[0]):04X}" if match else ""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if -(2**63) <= value < 2**63 else "must fit into 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "must be a finite number"
    if isinstance(value, Decimal):
        return _decimal_flaw(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return "needs a time zone, such as Z at the end"
    return ""


def _decimal_flaw(value: Decimal) -> str:
    if not value.is_finite():
        return "must be a finite number"
    # Beyond these digits Python's own arithmetic rounds, and 1E+999999 would fill the memory.
    if abs(value.adjusted()) < _MOST_DIGITS and len(value.as_tuple().digits) <= _MOST_DIGITS:
        return ""
    return f"may have at most {_MOST_DIGITS} digits"
