"""``twofold services``: the servers from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from twofold.ops.services import fleet
from twofold.ops.services.service import ServiceProblem

app = typer.Typer(
    help="Real servers for development and tests, on this machine.", no_args_is_help=True
)

_Names = Annotated[list[str] | None, typer.Argument(help="postgres; all if none is named")]
_Folder = Annotated[Path, typer.Option(help="where data and state of the servers are kept")]
_AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text")]


@app.command()
def up(names: _Names = None, folder: _Folder = fleet.FOLDER, as_json: _AsJson = False) -> None:
    """Start what does not run yet, and print the addresses."""
    _known(names)
    try:
        addresses = fleet.up(names or (), folder)
    except ServiceProblem as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(1) from problem
    _print(addresses, as_json)


@app.command()
def down(names: _Names = None, folder: _Folder = fleet.FOLDER, as_json: _AsJson = False) -> None:
    """End the servers that were started by us; their data stays."""
    _known(names)
    ended = fleet.down(names or (), folder)
    _print(dict.fromkeys(ended, "ended"), as_json)


@app.command()
def status(names: _Names = None, folder: _Folder = fleet.FOLDER, as_json: _AsJson = False) -> None:
    """Say what runs, having asked it; exit code 1 if a server is dead or does not answer."""
    _known(names)
    found = fleet.status(names or (), folder)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        _print({name: f"{one.state} {one.address}".rstrip() for name, one in found.items()}, False)
    if any(one.state in ("dead", "silent") for one in found.values()):
        raise typer.Exit(1)


def _known(names: list[str] | None) -> None:
    try:
        fleet.named(names or ())
    except ServiceProblem as problem:
        raise typer.BadParameter(str(problem)) from problem


def _print(lines: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(lines).decode())
        return
    for name, text in lines.items():
        typer.echo(f"{name}  {text}")
