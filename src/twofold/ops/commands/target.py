"""What most commands are about: an application, with its settings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from twofold.assembly.assemble import assemble
from twofold.assembly.registry import find_application
from twofold.assembly.settings import Settings, read_settings
from twofold.ops.logs import configure_logs
from twofold.ops.tuning import tune_interpreter
from twofold.runtime.system import System
from twofold.wiring.application import Application

T = TypeVar("T")

App = Annotated[str, typer.Argument(help="package.module:app, or a registered short name")]
Config = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with settings; environment wins")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


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
    configure_logs()
    tune_interpreter()

    async def look() -> T:
        async with assemble(application, settings, roles=roles) as system:
            return await work(system)

    return asyncio.run(look())
