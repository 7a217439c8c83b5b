"""Refusals as they are kept, so that a command sent again is refused the same way."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.errors import Refused


class _Written(msgspec.Struct):
    kind: str
    why: str
    allowed: str
    details: dict[str, Any]


def written_refusal(refusal: Refused) -> bytes:
    """``refusal`` as JSON."""
    kind = _name(type(refusal))
    return msgspec.json.encode(_Written(kind, refusal.why, refusal.allowed, dict(refusal.details)))


def read_refusal(answer: bytes) -> Refused:
    """The refusal again, of the class it had; plain Refused if that class is gone."""
    written = msgspec.json.decode(answer, type=_Written)
    kind = _classes(Refused).get(written.kind, Refused)
    refusal = kind.__new__(kind)
    Refused.__init__(refusal, written.why, allowed=written.allowed, details=written.details)
    return refusal


def _name(kind: type[Refused]) -> str:
    # With its module: two modules may well have a TooLate each.
    return f"{kind.__module__}.{kind.__qualname__}"


def _classes(root: type[Refused]) -> dict[str, type[Refused]]:
    found = {_name(root): root}
    for child in root.__subclasses__():
        found |= _classes(child)
    return found
