"""``twofold status``."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from twofold.ops.commands.not_made import not_made, not_made_text
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.ops.commands.versions import rebuild_line
from twofold.runtime.applying import Applier
from twofold.runtime.partitions.relay import GROUP, Published
from twofold.runtime.presence import RolePresence
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.runtime.rebuilding.views import VersionsView
from twofold.runtime.system import System


def status(app: App, config: Config = None, as_json: Json = False) -> None:
    """Show how far each projection has come."""
    report = looking_at(app, config, _report)
    if as_json:
        typer.echo(json.dumps(report))
        return
    # Whole, for it is what other commands ask for.
    name = Column("projection", overflow="fold")
    table = Table(name, "version", "state", "applied", "behind", "seconds", "parked")
    for line in report["projections"]:
        table.add_row(
            line["name"],
            str(line["version"]),
            line["state"],
            f"{line['applied']:,}",
            f"{line['lagEvents']:,}",
            f"{line['lagSeconds']:,.1f}",
            f"{line['parked']:,}",
        )
    console = Console()
    console.print(f"log {report['epoch']}, head {report['head']:,}")
    console.print(table)
    for line in report["notes"]:
        console.print(line, highlight=False, soft_wrap=True)
    console.print(_roles_table(report["roles"]))
    commands = report["commands"]
    if commands["waiting"] or commands["rejected"]:
        console.print(
            f"{commands['waiting']:,} commands wait, the oldest for "
            f"{commands['oldestSeconds']:.1f} s; {commands['parked']:,} aggregates are parked; "
            f"{commands['rejected']:,} messages were rejected"
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
    lags, roles = await system.lags.measure(), await system.presence.look()
    versions = {one.projection: one for one in await VersionsDesk(system).all()}
    for applier in system.appliers:
        lag, known = lags[applier.name], versions[applier.name]
        projections.append(
            {
                "name": applier.name,
                "version": applier.version,
                "state": _state(system, applier, known, roles["projector"]),
                "outdated": known.outdated,
                "rebuild": msgspec.to_builtins(known.rebuild) if known.building else None,
                "applied": lag.applied,
                "head": system.progress.head,
                "lagEvents": lag.lag_events,
                "lagSeconds": lag.lag_seconds,
                "ageSeconds": lag.age_seconds,
                "partitions": msgspec.to_builtins(lag.partitions),
                "parked": system.progress.checkpoint(applier.table).parked,
            }
        )
    return {
        "head": system.progress.head,
        "epoch": system.log.epoch,
        "notes": [*_lacking(system), *(line for one in versions.values() for line in _notes(one))],
        "projections": projections,
        "commands": await _commands(system),
        "relay": await _relay(system),
        "roles": msgspec.to_builtins(roles),
    }


def _lacking(system: System) -> list[str]:
    lacking = not_made(system, system.appliers)
    return [not_made_text(system, lacking)] if lacking else []


def _notes(one: VersionsView) -> list[str]:
    found = [line] if one.building and (line := rebuild_line(one)) else []
    if one.outdated and not one.building:
        why = "its folds have changed since its read model was built"
        found.append(f"{one.projection}: {why}; run: twofold rebuild APP {one.projection}")
    return found


def _state(system: System, applier: Applier, known: VersionsView, projectors: RolePresence) -> str:
    """As far as can be told from outside: where nobody projects, no projection is live."""
    if known.building or known.outdated:
        return "rebuilding"
    state = system.state_of(applier)
    return "stopped" if projectors.missing and state in ("live", "catching-up") else state


async def _commands(system: System) -> dict[str, Any]:
    """How commands are decided, and how many wait in the write database."""
    depth = await system.log.inbox.depth()
    workers = await system.log.leases.members(system.queued.work)
    return {
        "mode": system.settings.commands,
        "waiting": depth.waiting,
        "oldestSeconds": round(await system.queued.oldest_seconds(), 3),
        "rejected": depth.rejected,
        "parked": depth.parked,
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
