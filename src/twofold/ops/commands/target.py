"""What most commands are about: an application, with its settings."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from twofold.assembly.assemble import assemble
from twofold.assembly.registry import find_application
from twofold.assembly.settings import Settings, read_settings, sqlite_path
from twofold.errors import Problem, SettingsProblems
from twofold.ops.logs import configure_logs
from twofold.ops.tuning import tune_interpreter
from twofold.runtime.system import System
from twofold.wiring.application import Application

T = TypeVar("T")

App = Annotated[
    str, typer.Argument(metavar="APP", help="package.module:app, or a registered short name")
]
Config = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with settings; environment wins")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


class Target(msgspec.Struct, frozen=True):
    """An application as it was named, and the file with its settings."""

    app: str
    config: Path | None


def commands_of(kind: str, what: str) -> typer.Typer:
    """A group of commands about one application, named before them: ``twofold parked APP list``.

    They find the ``Target`` in ``context.obj``.
    """
    group = typer.Typer(help=what, no_args_is_help=True, invoke_without_command=True)

    @group.callback(help=what)
    def at(context: typer.Context, app: App, config: Config = None) -> None:
        if context.invoked_subcommand is None:
            raise typer.BadParameter(_misses(kind, app, _names(group)))
        context.obj = Target(app, config)

    return group


def _names(group: typer.Typer) -> list[str]:
    known = group.registered_commands
    return [str(one.name or getattr(one.callback, "__name__", "")) for one in known]


def _misses(kind: str, app: str, known: Sequence[str]) -> str:
    if app in known:
        return f"the application comes first: twofold {kind} APP {app}"
    return f"say what to do: twofold {kind} {app} {'|'.join(known)}"


def found(name: str, config: Path | None) -> tuple[Application, Settings]:
    """The application and its settings. Raises WiringProblems, SettingsProblems."""
    application = find_application(name, Path.cwd())
    return application, read_settings(application.name, os.environ, config)


def looking_at(
    name: str,
    config: Path | None,
    work: Callable[[System], Awaitable[T]],
    roles: frozenset[str] = frozenset(),
) -> T:
    """Run ``work`` on a system that does nothing by itself (or what ``roles`` say)."""
    application, settings = found(name, config)
    if not roles:
        _has_begun(settings)
    configure_logs(quiet=True)
    tune_interpreter()

    async def look() -> T:
        async with assemble(application, settings, roles=roles) as system:
            return await work(system)

    return asyncio.run(look())


def you() -> str:
    """Who is at the terminal, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _has_begun(settings: Settings) -> None:
    """A mistyped path must not be answered with a new and empty database: all would look well."""
    if settings.log.startswith("sqlite") and not (path := sqlite_path(settings.log)).exists():
        why = f"there is no database {path.absolute()} yet. `twofold run` makes it"
        where = "" if path.is_absolute() else "; is this the folder that it was started in?"
        raise SettingsProblems([Problem("TWOFOLD_LOG", f"{why}{where}")])
