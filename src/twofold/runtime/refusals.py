"""Refusals as they are kept, so that a command sent again is refused the same way."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from twofold.errors import (
    AlreadyExists,
    Forbidden,
    InvalidInput,
    NotFound,
    Problem,
    Refused,
    TwofoldError,
)

Refusal: TypeAlias = Refused | NotFound | AlreadyExists | Forbidden | InvalidInput
REFUSALS = (Refused, NotFound, AlreadyExists, Forbidden, InvalidInput)
"""The ways in which a decision says no: sent again unchanged, a command would meet the same."""


class _Written(msgspec.Struct):
    kind: str
    why: str
    allowed: str = ""
    details: dict[str, Any] = {}


def written_refusal(refusal: Refusal) -> bytes:
    """``refusal`` as JSON."""
    kind = _name(type(refusal))
    if isinstance(refusal, Refused):
        written = _Written(kind, refusal.why, refusal.allowed, dict(refusal.details))
    elif isinstance(refusal, NotFound | AlreadyExists):
        written = _Written(kind, str(refusal), details=_two(refusal.what, refusal.identity))
    elif isinstance(refusal, Forbidden):
        written = _Written(kind, str(refusal), details=_two(refusal.operation, refusal.needed))
    else:
        problems = [[problem.field, problem.message] for problem in refusal.problems]
        written = _Written(kind, str(refusal), details={"problems": problems})
    return msgspec.json.encode(written)


def read_refusal(answer: bytes) -> Refusal:
    """The refusal again, of the class it had; plain Refused if that class is gone."""
    written = msgspec.json.decode(answer, type=_Written)
    for kind in (NotFound, AlreadyExists, Forbidden):
        if written.kind == _name(kind):
            return kind(written.details["first"], written.details["second"])
    if written.kind == _name(InvalidInput):
        return InvalidInput([Problem(*problem) for problem in written.details["problems"]])
    found = _classes(Refused).get(written.kind, Refused)
    refusal = found.__new__(found)
    Refused.__init__(refusal, written.why, allowed=written.allowed, details=written.details)
    return refusal


def _two(first: str, second: str) -> dict[str, Any]:
    return {"first": first, "second": second}


def _name(kind: type[TwofoldError]) -> str:
    # With its module: two modules may well have a TooLate each.
    return f"{kind.__module__}.{kind.__qualname__}"


def _classes(root: type[Refused]) -> dict[str, type[Refused]]:
    found = {_name(root): root}
    for child in root.__subclasses__():
        found |= _classes(child)
    return found
