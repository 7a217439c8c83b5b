"""``twofold monitoring``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from twofold.ops.commands.target import Json

_FOLDER = Path(__file__).parents[1] / "monitoring"
FILES = {name: _FOLDER / name for name in ("alerts.yaml", "dashboard.json")}
_ALERT = re.compile(
    r"- alert: (?P<alert>\w+)\n.*?severity: (?P<severity>\w+).*?"
    r"summary: \"?(?P<summary>[^\n]*?)\"?\n\s*description: (?P<description>[^\n]*)",
    re.DOTALL,
)


def monitoring(
    write: Annotated[
        Path | None, typer.Option(help="Folder for alerts.yaml and dashboard.json")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there")] = False,
    as_json: Json = False,
) -> None:
    """List the alert rules that come with Twofold, or write them and the dashboard to a folder."""
    if write is not None:
        _write(write, force)
        return
    alerts = [found.groupdict() for found in _ALERT.finditer(FILES["alerts.yaml"].read_text())]
    if as_json:
        typer.echo(json.dumps(alerts))
        return
    table = Table("alert", "severity", "tells")
    for alert in alerts:
        table.add_row(alert["alert"], alert["severity"], alert["summary"])
    Console().print(table)
    typer.echo("--write FOLDER writes them for Prometheus, with a dashboard for Grafana")


def _write(folder: Path, force: bool) -> None:
    there = [name for name in FILES if (folder / name).exists()]
    if there and not force:
        raise typer.BadParameter(f"{', '.join(there)} in {folder} may be yours by now; --force")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in FILES.items():
            (folder / name).write_bytes(file.read_bytes())
            typer.echo(str(folder / name))
    except OSError as exc:
        raise typer.BadParameter(f"{folder}: {exc.strerror}") from exc
