"""The command ``twofold``. Exit codes: 0 fine, 1 something found, 2 wrong use."""

from __future__ import annotations

import typer

from twofold.ops.commands import (
    alerts,
    events,
    freshness,
    monitoring,
    proof,
    proven,
    rejected,
    run,
    status,
)
from twofold.ops.commands.parked import parked
from twofold.ops.commands.processes import processes
from twofold.ops.commands.versions import rebuild, rollback, versions
from twofold.ops.ending import run_command
from twofold.ops.services.command import app as services

app = typer.Typer(
    name="twofold",
    help="Runs and looks after applications built on Twofold.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(run.check)
app.command()(status.status)
app.command()(freshness.freshness)
app.command("events")(events.events)
app.command("alerts")(alerts.alerts)
app.command("rejected")(rejected.rejected)
app.command("monitoring")(monitoring.monitoring)
app.command()(proof.verify)
app.command()(proven.proven)
app.command()(rebuild)
app.command()(rollback)
app.command()(proof.adopt)
app.add_typer(processes, name="processes")
app.add_typer(parked, name="parked")
app.add_typer(versions, name="versions")
app.add_typer(services, name="services")


def main() -> None:
    """The entry point."""
    run_command(app)


if __name__ == "__main__":
    main()
