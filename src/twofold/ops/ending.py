"""How commands end: their exit code, and one message of what is wrong instead of a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from twofold.errors import (
    CheckpointLost,
    FormerCodeAtWork,
    LeaseLost,
    ParkedChanged,
    RebuildRunning,
    ReleaseRunning,
    TooMuchParked,
    TwofoldError,
    VersionsChanged,
)
from twofold.ops.commands.printing import print_json, print_problem

_INTERRUPTED = 130
# What others have done, or are at, is something found: the command itself was fine.
_FOUND = (
    CheckpointLost,
    FormerCodeAtWork,
    LeaseLost,
    ParkedChanged,
    RebuildRunning,
    ReleaseRunning,
    TooMuchParked,
    VersionsChanged,
)
# Wrong use, by whatever class the installed typer has for it: what BadParameter is a kind of.
_WRONG_USE: type[Exception] = typer.BadParameter.__mro__[2]


def run_command(app: typer.Typer, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a program of commands, with the process's arguments if none are given, and exit.

    Exit codes: 0 fine, 1 something found or nothing agreed to, 2 wrong use or not possible, 130
    interrupted. What is wrong is told on standard error; with ``--json`` standard output has it
    too, as ``{"problem": {"type", "detail"}}``.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _code(app, given)
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_unread()
        code = 1
    if code == _INTERRUPTED:
        typer.echo("\ninterrupted", err=True)
    sys.exit(code)


def _code(app: typer.Typer, given: list[str]) -> int:
    try:
        return int(app(given, standalone_mode=False) or 0)
    except typer.Abort:
        typer.echo("\nnothing was done", err=True)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except TwofoldError as exc:
        print_problem(exc, "--json" in given)
        return 1 if isinstance(exc, _FOUND) else 2
    except _WRONG_USE as exc:
        wrong: Any = exc
        wrong.show()
        if "--json" in given:
            print_json({"problem": {"type": "wrong-use", "detail": wrong.format_message()}})
        return 2


def _leave_unread() -> None:
    """Whoever read standard output has seen enough; what is left must not fail at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
