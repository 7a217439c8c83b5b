"""``twofold proven``."""

from __future__ import annotations

import json
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from twofold.messages.recorded import microseconds, moment
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.runtime.proving.notes import note_of
from twofold.runtime.system import System
from twofold.wiring.foldings import Folding


def proven(app: App, config: Config = None, as_json: Json = False) -> None:
    """Show how much of each read model was compared with the log in the last 24 hours."""
    found = looking_at(app, config, _report)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print(found)
    raise typer.Exit(1 if any(one["differing"] for one in found) else 0)


async def _report(system: System) -> list[dict[str, Any]]:
    now_us = microseconds(system.clock.now())
    report = []
    for applier in system.appliers:
        if not isinstance(applier.projection, Folding):
            continue
        note = await note_of(system.log, applier.name, applier.table)
        report.append(
            {
                "projection": applier.name,
                "version": applier.version,
                "share": round(note.share(now_us), 4),
                "rows": note.rows,
                "rounds": note.rounds,
                "lastRound": moment(note.proven_us).isoformat() if note.rounds else None,
                "unproven": note.unproven,
                "differing": note.differing,
                "differences": [
                    {"key": o.key, "kind": o.kind, "position": o.position, "fields": [*o.fields]}
                    for o in note.found
                ],
            }
        )
    return report


def _print(report: list[dict[str, Any]]) -> None:
    table = Table("projection", "proven in 24 h", "rows", "last full round (UTC)", "different")
    for one in report:
        last = one["lastRound"]
        table.add_row(
            one["projection"],
            f"{one['share']:.1%}",
            f"{one['rows']:,}",
            last[:19].replace("T", " ") if last else "none yet",
            f"{one['differing']:,}",
        )
    console = Console()
    console.print(table)
    for one in report:
        for difference in one["differences"]:
            fields = ", ".join(difference["fields"])
            console.print(
                f"{one['projection']} {difference['key']}: {difference['kind']} "
                f"(event {difference['position']}) {fields}",
                markup=False,
            )
    if not any(one["rounds"] for one in report):
        console.print("TWOFOLD_VERIFY_SHARE lets processes compare all the time")
