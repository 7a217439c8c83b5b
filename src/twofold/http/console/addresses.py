"""Addresses of lists: the state of a page is in its address."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec


class Chip(msgspec.Struct, frozen=True):
    """A filter to be switched: "" is "all", ``count`` how much there is of it if that is known."""

    value: str
    count: int | None
    href: str
    on: bool


def address(where: str, given: Mapping[str, str], **changed: str) -> str:
    """``where`` with the parameters ``given``, some of them changed; empty ones are left out."""
    filled = {name: value for name, value in {**given, **changed}.items() if value}
    return f"{where}?{urlencode(filled)}" if filled else where


def chips(
    where: str, given: Mapping[str, str], name: str, counts: Mapping[str, int | None]
) -> list[Chip]:
    """A chip for all, and one for each value of the parameter ``name``."""
    known: dict[str, int | None] = {"": None, **counts}
    return [
        Chip(value, count, address(where, given, **{name: value}), given.get(name, "") == value)
        for value, count in known.items()
    ]
