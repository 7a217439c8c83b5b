"""How commands print values."""

from __future__ import annotations

import msgspec
import typer

from twofold.errors import TwofoldError
from twofold.http.problems import problem_name
from twofold.runtime.listed import Item, Listed

_LONGEST = 120


def print_json(what: object) -> None:
    """For programs: one line."""
    typer.echo(msgspec.json.encode(what).decode())


def print_problem(error: TwofoldError, as_json: bool) -> None:
    """On standard error; for programs on standard output as well."""
    typer.secho(str(error), fg="red", err=True)
    if as_json:
        print_json({"problem": {"type": problem_name(type(error)), "detail": str(error)}})


def short(value: object) -> str:
    """For people: as JSON, cut where a line of a table ends."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}…"


def listed_lines(found: Listed) -> list[str]:
    """How many items came (+), went (-) and changed (~), then a line for each."""
    lines = [_item(one) for one in found.shown]
    more = [f"… and {found.hidden:,} more"] if found.hidden else []
    return [found.told, *lines, *more]


def _item(one: Item) -> str:
    if one.what == "changed":
        return f"~ {one.name}: {short(one.before)} → {short(one.after)}"
    if one.what == "came":
        return f"+ {one.name}: {short(one.after)}"
    return f"- {one.name}: {short(one.before)}"
