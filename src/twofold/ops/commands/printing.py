"""How commands print values."""

from __future__ import annotations

import msgspec
import typer

from twofold.errors import TwofoldError
from twofold.http.problems import problem_name

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
