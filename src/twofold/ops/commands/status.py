"""``twofold status``."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from twofold.messages.recorded import microseconds
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.runtime.partitions.relay import GROUP, Published
from twofold.runtime.system import System


def status(app: App, config: Config = None, as_json: Json = False) -> None:
    """Show how far each projection has come."""
    report = looking_at(app, config, _report)
    if as_json:
        typer.echo(json.dumps(report))
        return
    table = Table("projection", "version", "state", "applied", "behind", "seconds")
    for line in report["projections"]:
        table.add_row(
            line["name"],
            str(line["version"]),
            line["state"],
            f"{line['applied']:,}",
            f"{line['lagEvents']:,}",
            f"{line['lagSeconds']:.1f}",
        )
    console = Console()
    console.print(f"log {report['epoch']}, head {report['head']:,}")
    console.print(table)
    console.print(_roles_table(report["roles"]))
    commands = report["commands"]
    if commands["waiting"] or commands["rejected"]:
        console.print(
            f"{commands['waiting']:,} commands wait, the oldest for "
            f"{commands['oldestSeconds']:.1f} s; {commands['rejected']:,} messages were rejected"
        )
    if relay := report["relay"]:
        console.print(f"published up to {relay['published']:,}, {relay['lagEvents']:,} behind")


def _roles_table(roles: dict[str, Any]) -> Table:
    table = Table("role", "processes", "last sign of life")
    for role, known in roles.items():
        age = known["ageSeconds"]
        missing = known["needed"] and not known["alive"]
        seen = "none" if age is None else f"{age:.1f} s ago"
        table.add_row(role, "none, and one is needed" if missing else str(known["alive"]), seen)
    return table


async def _report(system: System) -> dict[str, Any]:
    projections = []
    for applier in system.appliers:
        checkpoint = system.progress.checkpoint(applier.table)
        behind = max(0, system.progress.head - checkpoint.position)
        seconds = 0.0
        if behind:
            (oldest,) = await system.log.read(checkpoint.position, 1)
            seconds = (microseconds(system.clock.now()) - oldest.time_us) / 1e6
        projections.append(
            {
                "name": applier.name,
                "version": applier.version,
                "state": system.state_of(applier),
                "applied": checkpoint.position,
                "head": system.progress.head,
                "lagEvents": behind,
                "lagSeconds": round(max(0.0, seconds), 3),
                "parked": checkpoint.parked,
            }
        )
    return {
        "head": system.progress.head,
        "epoch": system.log.epoch,
        "projections": projections,
        "commands": await _commands(system),
        "relay": await _relay(system),
        "roles": msgspec.to_builtins(await system.presence.look()),
    }


async def _commands(system: System) -> dict[str, Any]:
    """How commands are decided, and how many wait in the write database."""
    depth = await system.log.inbox.depth()
    workers = await system.log.leases.members(system.queued.work)
    return {
        "mode": system.settings.commands,
        "waiting": depth.waiting,
        "oldestSeconds": round(await system.queued.oldest_seconds(), 3),
        "rejected": depth.rejected,
        "workers": len(workers),
    }


async def _relay(system: System) -> dict[str, Any] | None:
    """How far the log is published, as its relay has noted last; None without a broker."""
    if system.transport is None:
        return None
    mark = (await system.log.leases.marks(GROUP)).get(0, "")
    published = Published.of(mark).position
    copies = await system.log.leases.members(GROUP)
    behind = max(0, system.progress.head - published)
    return {"published": published, "lagEvents": behind, "copies": len(copies)}
