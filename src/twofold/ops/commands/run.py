"""``twofold run`` and ``twofold check``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from twofold.assembly.assemble import ALL_ROLES
from twofold.assembly.serving import build, serve
from twofold.assembly.settings import Settings
from twofold.assembly.tracing import export_traces
from twofold.errors import SettingsProblems, TwofoldError, WiringProblems
from twofold.ops.commands.changed_folds import changed_folds
from twofold.ops.commands.schemas import schema_problems
from twofold.ops.commands.target import App, Config, found
from twofold.ops.logs import configure_logs
from twofold.ops.tuning import tune_interpreter
from twofold.wiring.application import Application

_ROLES = {
    "all": ALL_ROLES,
    "api": frozenset({"api"}),
    "commands": frozenset({"commands"}),
    "relay": frozenset({"relay"}),
    "projector": frozenset({"projector"}),
    "scheduler": frozenset({"scheduler"}),
}


def run(
    app: App,
    role: Annotated[
        str, typer.Option(help="all, api, commands, relay, projector or scheduler")
    ] = "all",
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one", min=0, max=65535)] = 8000,
    config: Config = None,
) -> None:
    """Run an application until it is told to stop."""
    configure_logs()
    if role not in _ROLES:
        raise typer.BadParameter(f"{role} is no role; there are {', '.join(_ROLES)}")
    application, settings = found(app, config)
    if role == "projector" and settings.projections == "inline":
        raise typer.BadParameter(
            "projections are inline, so there is nothing for a projector to do; "
            "set TWOFOLD_PROJECTIONS=async"
        )
    if role == "relay" and not settings.broker:
        raise typer.BadParameter("there is no broker to publish to; set TWOFOLD_BROKER")
    if role == "commands" and settings.commands == "sync":
        raise typer.BadParameter(
            "commands are decided where they come in, so there is nothing for a process of their "
            "own to do; set TWOFOLD_COMMANDS=async"
        )
    export_traces(application.name, role, os.environ)
    http = build(application, settings, _ROLES[role])
    tune_interpreter()
    started = serve(http, host, port, lambda: _greet(application, settings, role, host, port))
    raise typer.Exit(0 if started else 2)


def _greet(application: Application, settings: Settings, role: str, host: str, port: int) -> None:
    console = Console(highlight=False)
    where = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    console.print(
        f"[bold]{application.title}[/] is up ({role}, projections {settings.projections})"
    )
    if role not in ("all", "api"):
        console.print(f"  health   {where}/health/ready")
        return
    if application.pages is not None:
        console.print(f"  open     [bold]{where}/[/]")
    console.print(f"  API      {where}/openapi.json")
    console.print(f"  console  {where}/console")
    if settings.demo and application.accounts:
        first = application.accounts[0].account
        names = ", ".join(account.account for account in application.accounts)
        # Where there are no pages but the console's, that is where people sign in.
        page = f"/demo as [bold]{first}[/]" if application.pages else "/console/sign-in"
        told = f"  sign in  {where}{page} (accounts: {names})"
        console.print(told, soft_wrap=True)


def check(
    app: App,
    schema: Annotated[
        Path | None, typer.Option(help="File with the events' shapes; made if missing")
    ] = None,
    against: Annotated[
        str, typer.Option(help="A git revision whose version of the file is compared instead")
    ] = "",
    accept: Annotated[bool, typer.Option("--accept", help="Write the shapes as they are")] = False,
    config: Config = None,
) -> None:
    """Check wiring, settings, changed folds and (with --schema) events; every problem is named."""
    problems: list[str] = []
    notes: list[str] = []
    try:
        application, settings = found(app, config)
        http = build(application, settings, _ROLES["all"])
        notes = [
            f"inbox {channel} is idle: there is no broker to read it from; set TWOFOLD_BROKER"
            for channel in ([] if settings.broker else http.system.wired.receivings)
        ]
        outdated, harmless = changed_folds(application, settings)
        notes += harmless
        if schema is not None:
            problems = schema_problems(http.system.wired, schema, against, accept=accept)
        problems = [*problems, *outdated]
    except (WiringProblems, SettingsProblems) as exc:
        problems = str(exc).splitlines()
    except TwofoldError as exc:
        problems = [str(exc)]
    for line in problems:
        typer.secho(_relative(line), fg="red", err=True)
    if problems:
        raise typer.Exit(1)
    for line in notes:
        typer.echo(line)
    typer.echo("everything fits together")


def _relative(line: str) -> str:
    return line.replace(f"{Path.cwd()}/", "")
