"""``twofold alerts``."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from twofold.ops.commands.target import App, Config, Json, found, looking_at
from twofold.ops.logs import configure_logs
from twofold.runtime.alerting.delivering import Deliveries
from twofold.runtime.alerting.desk import AlertsView, AlertView, look_at_alerts
from twofold.runtime.clock import SystemClock, system_chance
from twofold.runtime.settings import RuntimeSettings


class Action(StrEnum):
    """What to do about alerts."""

    LIST = "list"
    TEST = "test"


def alerts(
    app: App,
    action: Annotated[Action, typer.Argument(help="What to do")] = Action.LIST,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List what is wrong and what was lately (exit code 1 if something is), or send a test."""
    if action is Action.TEST:
        _test(app, config, as_json)
        return
    view = looking_at(app, config, lambda system: look_at_alerts(system.log))
    if as_json:
        typer.echo(msgspec.json.encode(view))
    else:
        _print(view)
    raise typer.Exit(1 if view.open else 0)


def _print(view: AlertsView) -> None:
    console = Console()
    if view.open:
        console.print(_table("open", view.open))
        for one in view.open:
            console.print(f"{one.key}: {one.advice}", style="dim", markup=False)
    else:
        console.print("no alert is open")
    if view.recent:
        console.print(_table("over", view.recent))
    for channel, why in view.failing.items():
        console.print(f"{channel} does not take messages: {why}", style="red", markup=False)


def _table(title: str, listed: tuple[AlertView, ...]) -> Table:
    table = Table("alert", "", "since (UTC)", "until", "what", "told", title=title)
    for one in listed:
        table.add_row(
            one.key,
            one.severity,
            f"{one.opened:%Y-%m-%d %H:%M:%S}",
            f"{one.recovered:%Y-%m-%d %H:%M:%S}" if one.recovered else "",
            one.summary,
            ", ".join(one.told),
        )
    return table


def _test(app: str, config: Config, as_json: bool) -> None:
    application, settings = found(app, config)
    configure_logs()
    channels = settings.alerts.channels()
    if not channels:
        raise typer.BadParameter("nobody would be told: set TWOFOLD_ALERT_WEBHOOK or …_SMTP")
    deliveries = Deliveries(
        application.name, channels, SystemClock(), system_chance(), RuntimeSettings()
    )
    outcomes = asyncio.run(deliveries.test())
    if as_json:
        typer.echo(json.dumps(outcomes))
    for name, why in outcomes.items() if not as_json else ():
        typer.echo(f"{name}: {why or 'taken'}")
    raise typer.Exit(1 if any(outcomes.values()) else 0)
