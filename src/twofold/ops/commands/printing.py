"""How commands print values."""

from __future__ import annotations

import msgspec
import typer

_LONGEST = 120


def print_json(what: object) -> None:
    """For programs: one line."""
    typer.echo(msgspec.json.encode(what).decode())


def short(value: object) -> str:
    """For people: as JSON, cut where a line of a table ends."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}…"
