"""``twofold freshness``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from twofold.ops.commands.printing import print_json
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.runtime.freshness.desk import ObjectivesDesk, ObjectivesPage, ObjectiveView
from twofold.runtime.system import System

_STATES = {
    "none": "nothing asked",
    "too-few": "too few to tell",
    "used-up": "used up",
}


def freshness(
    app: App,
    query: Annotated[str, typer.Argument(help="One query; all if left out")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show how fresh answers were in all processes, and what is left of the error budgets.

    Exit code 1 if one is used up, or is being used up too fast.
    """

    async def look(system: System) -> ObjectivesPage:
        return await ObjectivesDesk(system).look(query)

    found = looking_at(app, config, look)
    if as_json:
        print_json(found)
    else:
        _print(found, by_days=bool(query))
    raise typer.Exit(1 if any(one.wrong for one in found.items) else 0)


def _print(found: ObjectivesPage, *, by_days: bool) -> None:
    console = Console(markup=False, emoji=False)
    if not found.items:
        console.print("no query promises to be fresh: get(…, fresh=Fresh(seconds=0.2, share=0.99))")
        return
    console.print(_table(found))
    days = found.items[0].window_days
    console.print(
        f"of {days} days; 1 h, 6 h: how many times as often as promised answers were late",
        highlight=False,
    )
    for one in found.items:
        if one.late_since is not None:
            since = one.late_since.isoformat(timespec="minutes").replace("+00:00", "Z")
            reads = ", ".join(one.projections)
            console.print(f"{one.query}: late since {since}; it reads {reads}", soft_wrap=True)
    if by_days:
        console.print(_days(found.items[0]))


def _table(found: ObjectivesPage) -> Table:
    # Whole, for it is what the command asks for.
    query = Column("query", overflow="fold")
    figures = [Column(name, no_wrap=True) for name in ("answers", "kept", "left", "1 h", "6 h")]
    table = Table(query, "goal", *figures, "state")
    for one in found.items:
        table.add_row(
            one.query,
            f"{_percent(one.share)} in {one.within_seconds:g} s",
            f"{one.answers:,}",
            _percent(one.met),
            "none" if one.budget_left is None else f"{one.budget_left:.0%}",
            _rate(one.burn_rate_hour),
            _rate(one.burn_rate_six_hours),
            _STATES.get(one.state, one.state),
        )
    return table


def _days(one: ObjectiveView) -> Table:
    table = Table("day (UTC)", "answers", "late", "kept")
    for day in one.days:
        kept = _percent(1 - day.late / day.answers)
        table.add_row(day.day.isoformat(), f"{day.answers:,}", f"{day.late:,}", kept)
    return table


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.5g}%"


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.1f} x"
