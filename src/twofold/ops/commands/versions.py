"""``twofold rebuild``, ``twofold rollback`` and ``twofold versions``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from twofold.ops.commands.proof import verified_text
from twofold.ops.commands.target import App, Config, Json, Target, commands_of, looking_at, you
from twofold.ops.progress import progress_bar
from twofold.runtime.rebuilding.desk import VersionsDesk, why_not_back
from twofold.runtime.rebuilding.notes import Note
from twofold.runtime.rebuilding.rebuild import Rebuilt
from twofold.runtime.rebuilding.telling import Report
from twofold.runtime.rebuilding.throttling import Throttle
from twofold.runtime.rebuilding.views import VersionsView, VersionView
from twofold.runtime.system import System

T = TypeVar("T")
versions = commands_of("versions", "Versions of read models: list, switch, cancel, drop.")
Projection = Annotated[str, typer.Argument(help="The projection's name")]
Number = Annotated[int, typer.Argument(help="The version's number, as listed")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]
Verified = Annotated[
    bool, typer.Option("--verify/--no-verify", help="Compare with the log before it is read")
]


def rebuild(
    app: App,
    projection: Annotated[
        list[str] | None, typer.Argument(help="Projections to build anew")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Build all that is missing, bring up the rest")
    ] = False,
    verify: Verified = True,
    throttle_lag: Annotated[
        float,
        typer.Option(help="Wait while read models in use are so many seconds behind", min=0),
    ] = Throttle().lag_seconds,
    throttle_share: Annotated[
        float,
        typer.Option(help="Share of the time to be spent in the stores", min=0, max=1),
    ] = Throttle().share,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Drop former versions that nobody reads any more")
    ] = False,
    config: Config = None,
) -> None:
    """Build read models anew beside those that are read, compare them, and switch to them.

    The former version is kept (twofold rollback). The same command goes on with a rebuild that was
    interrupted. With --all a read store that is not in use is filled, or brought up to the log,
    before anybody reads it.
    """
    if every == bool(projection):
        raise typer.BadParameter("name projections, or say --all")
    throttle = Throttle(throttle_lag, throttle_share)

    async def work(system: System) -> bool:
        desk, fine = VersionsDesk(system), True
        found = [one for name in projection or [""] for one in await desk.all(name)]
        for one in found:
            name, keep = one.projection, every and one.filled
            fine = await _rebuild(desk, name, verify, throttle, keep=keep) and fine
            if drop_old and fine:
                await _drop_former(desk, name)
        return fine

    raise typer.Exit(0 if looking_at(app, config, work) else 1)


def rollback(
    app: App,
    projection: Projection,
    yes: Yes = False,
    config: Config = None,
) -> None:
    """Read the former version of a read model again, brought up to the log before."""
    (now,) = looking_at(app, config, lambda system: VersionsDesk(system).all(projection))
    if now.back_to is None:
        typer.secho(f"{projection}: {why_not_back(now)}", fg="red", err=True)
        raise typer.Exit(1)
    _ask_switch(now, now.back_to, yes)

    async def work(system: System) -> Rebuilt:
        with _shown(f"catch up {projection}") as report:
            return await VersionsDesk(system).rollback(
                projection, actor=you(), seen=now.read, report=report
            )

    _tell_switched(looking_at(app, config, work))


@versions.command("list")
def show_list(
    context: typer.Context,
    projection: Annotated[str, typer.Argument(help="One projection; all if left out")] = "",
    as_json: Json = False,
) -> None:
    """Every version there is, what reads it, and the rebuild that is under way."""
    found = _at(context, lambda system: VersionsDesk(system).all(projection, rows=True))
    if as_json:
        typer.echo(json.dumps({"items": msgspec.to_builtins(found)}))
        return
    # What other commands ask for stays whole on a terminal of 80 columns.
    whole = [Column(name, no_wrap=True) for name in ("projection", "version", "state")]
    table = Table(
        *whole, "rows", "applied", "behind", "readers", "parked", box=None, pad_edge=False
    )
    for one in found:
        for version in one.versions:
            table.add_row(one.projection, *_cells(version))
    console = Console()
    console.print(table)
    for one in found:
        if line := rebuild_line(one):
            console.print(line, highlight=False)


@versions.command("switch")
def switch(
    context: typer.Context, projection: Projection, version: Number, yes: Yes = False
) -> None:
    """Read a certain former version, brought up to the log before."""
    (now,) = _at(context, lambda system: VersionsDesk(system).all(projection))
    if version not in (known := [one.number for one in now.versions]):
        there = f"there are {', '.join(map(str, known))}" if known else "it has none yet"
        raise typer.BadParameter(f"{projection} has no version {version}; {there}")
    _ask_switch(now, version, yes)

    async def work(system: System) -> Rebuilt:
        with _shown(f"catch up {projection}") as report:
            return await VersionsDesk(system).switch(
                projection, version, actor=you(), seen=now.read, report=report
            )

    _tell_switched(_at(context, work))


@versions.command("cancel")
def cancel(context: typer.Context, projection: Projection, yes: Yes = False) -> None:
    """Stop a rebuild, wherever it runs, and drop what it has built."""
    if not yes:
        typer.confirm(f"Stop the rebuild of {projection} and drop what it has built?", abort=True)
    number = _at(context, lambda system: VersionsDesk(system).cancel(projection, actor=you()))
    typer.echo(f"{projection}: version {number} is not built any more")


@versions.command("drop")
def drop(
    context: typer.Context,
    projection: Projection,
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Versions; all former ones if left out")
    ] = None,
    yes: Yes = False,
) -> None:
    """Remove versions that nobody reads; there is no way back to them."""
    (now,) = _at(context, lambda system: VersionsDesk(system).all(projection))
    chosen = numbers or [one.number for one in _former(now)]
    if not chosen:
        typer.echo(f"{projection} has no former version")
        return
    if not yes:
        names = ", ".join(map(str, chosen))
        typer.confirm(f"Drop version {names} of {projection} for good?", abort=True)

    async def work(system: System) -> None:
        for number in chosen:
            await VersionsDesk(system).drop(projection, number, actor=you())
            typer.echo(f"{projection}: version {number} is dropped")

    _at(context, work)


def rebuild_line(view: VersionsView) -> str:
    """A rebuild that is under way or was interrupted, in one line; "" if there is none."""
    rebuild = view.rebuild
    if rebuild is None or rebuild.phase in ("switched", "different", "failed", "cancelled"):
        return ""
    done = 100 * rebuild.applied // rebuild.head if rebuild.head else 0
    line = f"{view.projection}: version {rebuild.version} is {rebuild.phase}, {done} %"
    line += f" ({rebuild.applied:,} of {rebuild.head:,} events)"
    if not rebuild.running:
        again = f"twofold rebuild APP {view.projection}"
        return f"{line}; it was interrupted, go on with: {again}"
    if rebuild.waits:
        return f"{line}; it waits: {rebuild.waits}"
    if rebuild.seconds_left is not None:
        line += f", {rebuild.events_per_second:,.0f}/s, {rebuild.seconds_left:.0f} s left"
    return line


async def _rebuild(
    desk: VersionsDesk, name: str, verify: bool, throttle: Throttle, *, keep: bool
) -> bool:
    """Whether all is well. ``keep``: what there is is only brought up to the log."""
    with _shown(f"{'bring up' if keep else 'rebuild'} {name}") as report:
        rebuilt = await (desk.bring_up if keep else desk.rebuild)(
            name, actor=you(), verify=verify, throttle=throttle, report=report
        )
    if rebuilt.verified is not None:
        typer.echo(verified_text(rebuilt.verified))
    if keep:
        return rebuilt.switched
    if not rebuilt.switched:
        typer.secho(
            f"{name}: version {rebuilt.version} differs from the log and is not read. Find out "
            f"why, then: twofold versions APP cancel {name}",
            fg="red",
            err=True,
        )
        return False
    _tell_switched(rebuilt)
    return True


def _tell_switched(rebuilt: Rebuilt) -> None:
    typer.echo(f"{rebuilt.projection}: version {rebuilt.version} is read now")
    if rebuilt.late:
        typer.echo(
            f"  {rebuilt.late:,} events that were discarded since are in its rows: it had applied "
            "them before"
        )
    if rebuilt.former is not None and not rebuilt.noticed:
        typer.echo(f"  processes still read version {rebuilt.former}: they run other code")


async def _drop_former(desk: VersionsDesk, name: str) -> None:
    (now,) = await desk.all(name)
    for one in _former(now):
        if one.readers:
            typer.echo(f"{name}: version {one.number} is kept, {one.readers} processes read it")
        else:
            await desk.drop(name, one.number, actor=you())
            typer.echo(f"{name}: version {one.number} is dropped")


def _former(view: VersionsView) -> list[VersionView]:
    return [one for one in view.versions if one.state in ("former", "other code", "going")]


def _cells(one: VersionView) -> list[str]:
    rows = "" if one.rows is None else f"{one.rows:,}"
    numbers = (f"{one.applied:,}", f"{one.lag_events:,}", str(one.readers), f"{one.parked:,}")
    return [str(one.number), one.state, rows, *numbers]


def _ask_switch(now: VersionsView, version: int, yes: bool) -> None:
    behind = {one.number: one.lag_events for one in now.versions}.get(version, 0)
    typer.echo(
        f"{now.projection}: version {version} is brought up to the log ({behind:,} events), then "
        f"read instead of version {now.read}, which stays as it is"
    )
    if not yes:
        typer.confirm("Switch?", abort=True)


@contextmanager
def _shown(what: str) -> Iterator[Report]:
    """A progress bar for the notes of a rebuild."""
    with progress_bar(what, quiet=False) as report:
        assert report is not None

        def show(note: Note) -> None:
            if note.head:
                report(note.applied, note.head)

        yield show


def _at(context: typer.Context, work: Callable[[System], Awaitable[T]]) -> T:
    target: Target = context.obj
    return looking_at(target.app, target.config, work)
