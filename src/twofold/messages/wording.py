"""What msgspec says of a value, in words for whoever sent it."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import msgspec

from twofold.errors import Problem
from twofold.messages.shapes import plain_types

_PATH = re.compile(r" - at `\$?\.?(.*)`$")
_EXPECTED = re.compile(r"^Expected `([^`]+)`, got `([^`]+)`$")
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "decimal": 'a decimal number such as "12.50"',
    "datetime": "a time such as 2011-08-31T10:42:07Z",
    "date": "a date such as 2011-08-31",
    "time": "a time of day such as 10:42:07",
    "uuid": "a UUID",
}
_SENTENCES = (
    (re.compile(r"^Expected `str` of length >= (\d+)"), r"needs at least \1 characters"),
    (re.compile(r"^Expected `str` of length <= (\d+)"), r"may have at most \1 characters"),
    (re.compile(r"^Expected `(?:array|object)` of length >= (\d+)"), r"needs \1 or more entries"),
    (
        re.compile(r"^Expected `(?:array|object)` of length <= (\d+)"),
        r"needs \1 or fewer entries",
    ),
    (re.compile(r"^Expected `array` of length (\d+), got \d+"), r"needs exactly \1 entries"),
    (re.compile(r"^Expected `\w+` >= (\S+)"), r"must be at least \1"),
    (re.compile(r"^Expected `\w+` > (\S+)"), r"must be more than \1"),
    (re.compile(r"^Expected `\w+` <= (\S+)"), r"must be at most \1"),
    (re.compile(r"^Expected `\w+` < (\S+)"), r"must be less than \1"),
    (re.compile(r"^Expected `\w+` that's a multiple of (\S+)"), r"must be a multiple of \1"),
    (re.compile(r"^Expected `str` matching regex (.+)"), r"must match \1"),
    (re.compile(r"^Expected `datetime` with a timezone component"), "needs a time zone, such as Z"),
    (re.compile(r"^Invalid decimal string"), f"must be {_KINDS['decimal']}"),
    (re.compile(r"^Invalid RFC3339 encoded datetime"), f"must be {_KINDS['datetime']}"),
    (re.compile(r"^Invalid RFC3339 encoded date"), f"must be {_KINDS['date']}"),
    (re.compile(r"^Invalid RFC3339 encoded time"), f"must be {_KINDS['time']}"),
    (re.compile(r"^Invalid (?:enum )?value (.+)"), r"can't be \1"),
    (re.compile(r"^Invalid UUID"), "must be a UUID"),
    (re.compile(r"^Object missing required field `(.+)`"), r"\1 is missing"),
)


def worded(exc: msgspec.ValidationError, path: str, kind: Any, *, strict: bool) -> Problem:
    """The problem that ``exc`` found with a value of ``kind`` at ``path``."""
    text = str(exc)
    match = _PATH.search(text)
    if match:
        text, inner = text[: match.start()], match.group(1)
        path = path + inner if inner.startswith("[") or not path else f"{path}.{inner}".rstrip(".")
    allowed = () if match and match.group(1) else _allowed(kind)
    return Problem(path, f"one of {', '.join(allowed)}" if allowed else _sentence(text, strict))


def _sentence(text: str, strict: bool) -> str:
    expected = _EXPECTED.match(text)
    if expected:
        wanted, got = (_named(names) for names in expected.groups())
        # In a query everything is text; saying so would not help anybody.
        return f"must be {wanted}" if not strict else f"must be {wanted}, not {got}"
    for pattern, words in _SENTENCES:
        if pattern.match(text):
            return pattern.sub(words, text)
    return text


def _named(kinds: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | "))


def _allowed(kind: Any) -> tuple[str, ...]:
    found: list[str] = []
    for one in plain_types(kind):
        if isinstance(one, type) and issubclass(one, Enum):
            found += [str(member.value) for member in one]
        elif get_origin(one) is Literal:
            found += [str(value) for value in get_args(one)]
        else:
            return ()
    return tuple(found)
