"""``twofold parked``: sequences that wait, what releasing them would do, and doing it."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from twofold.ops.commands.printing import print_json, short
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.runtime.parking.commands import COMMANDS
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import (
    DocumentView,
    ParkedPage,
    ParkedView,
    ReleaseView,
    SequenceView,
)
from twofold.runtime.system import System

T = TypeVar("T")
parked = typer.Typer(
    help="What waits: list, show, dry-run, release, discard.", no_args_is_help=True
)
Projection = Annotated[str, typer.Argument(help="A projection, or process:NAME, as listed")]
Sequence = Annotated[str, typer.Argument(help="Its name as listed: document:KEY, stream:NAME, …")]
Sequences = Annotated[
    list[str] | None, typer.Argument(help="Its name as listed: document:KEY, stream:NAME, …")
]
Every = Annotated[bool, typer.Option("--all", help="All that wait in this projection")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]


class _At(msgspec.Struct, frozen=True):
    app: str
    config: Path | None


@parked.callback()
def at(context: typer.Context, app: App, config: Config = None) -> None:
    """What waits: list, show, dry-run, release, discard."""
    context.obj = _At(app, config)


@parked.command("list")
def show_list(
    context: typer.Context,
    projection: Annotated[
        str, typer.Argument(help="One projection or process:NAME; all if left out")
    ] = "",
    state: Annotated[str, typer.Option(help="Only retrying, parked or discarded")] = "",
    after: Annotated[str, typer.Option(help="Where the page before ended")] = "",
    limit: Annotated[int, typer.Option(help="At most so many", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """List sequences that wait, the oldest first. Exit code 1 if there are any."""

    async def page(desk: ParkedDesk) -> ParkedPage:
        return await desk.page(projection, state, after, limit)

    found = _seen(context, page)
    if as_json:
        print_json(found)
    else:
        _print_page(found)
    raise typer.Exit(1 if found.total and state != "discarded" else 0)


@parked.command()
def show(
    context: typer.Context,
    projection: Projection,
    sequence: Sequence,
    limit: Annotated[int, typer.Option(help="So many events", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """Show a sequence: why it waits, and its events."""

    async def look(desk: ParkedDesk) -> SequenceView:
        return await desk.show(projection, sequence, limit)

    found = _seen(context, look)
    if as_json:
        print_json(found)
        return
    _print_head(found.parked)
    typer.echo(found.traceback.rstrip())
    for event in found.events:
        data = msgspec.json.encode(event.data).decode()
        typer.echo(f"{event.position:>10}  {event.event}  {event.stream}  {data[:200]}")
    if found.waiting > len(found.events):
        typer.echo(f"… and {found.waiting - len(found.events):,} more events")


@parked.command("dry-run")
def dry_run(
    context: typer.Context, projection: Projection, sequence: Sequence, as_json: Json = False
) -> None:
    """Show what a release would change, by the code as it is now. Exit code 1: it fails again."""

    async def rehearse(desk: ParkedDesk) -> ReleaseView:
        return await desk.rehearse(projection, sequence)

    found = _seen(context, rehearse)
    _print_released(found, as_json, "would be")
    raise typer.Exit(1 if found.again else 0)


@parked.command()
def release(
    context: typer.Context,
    projection: Projection,
    sequences: Sequences = None,
    every: Every = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Apply what waits, in order. Exit code 1 if something fails again."""
    wanted = _wanted(context, projection, sequences, every)
    if not yes and not as_json:
        for one in wanted[:5]:
            _print_released(_seen(context, _rehearsal(one)), False, "would be")
        _ask(f"Release {len(wanted):,} of {projection}?")

    async def work(desk: ParkedDesk) -> list[ReleaseView]:
        who = _who()
        return [
            await desk.release(one.projection, one.sequence, actor=who, seen=one.seen)
            for one in wanted
        ]

    _finish(_seen(context, work), as_json)


@parked.command()
def discard(
    context: typer.Context,
    projection: Projection,
    reason: Annotated[str, typer.Option(help="Why; it is kept")],
    sequences: Sequences = None,
    every: Every = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="All their events, not only the one that fails")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Leave out the event that fails, apply the rest, and keep a mark of it."""
    wanted = _wanted(context, projection, sequences, every)
    if not yes and not as_json:
        for one in wanted[:5]:
            _print_head(one)
        what = "all events" if everything else "the event that fails"
        _ask(f"Leave out {what} of {len(wanted):,} of {projection}? This can't be undone")

    async def work(desk: ParkedDesk) -> list[ReleaseView]:
        discarding = Discarding(_who(), reason, everything)
        return [
            await desk.discard(one.projection, one.sequence, discarding, seen=one.seen)
            for one in wanted
        ]

    _finish(_seen(context, work), as_json)


def _wanted(
    context: typer.Context, projection: str, sequences: list[str] | None, every: bool
) -> list[ParkedView]:
    if every == bool(sequences):
        raise typer.BadParameter("name sequences, or say --all")

    async def look(desk: ParkedDesk) -> list[ParkedView]:
        if sequences:
            return [(await desk.show(projection, one, 1)).parked for one in sequences]
        found, cursor = list[ParkedView](), ""
        while True:
            page = await desk.page(projection, "", cursor, 500)
            found += page.items
            if page.next_cursor is None:
                return found
            cursor = page.next_cursor

    return _seen(context, look)


def _rehearsal(one: ParkedView) -> Callable[[ParkedDesk], Awaitable[ReleaseView]]:
    async def rehearse(desk: ParkedDesk) -> ReleaseView:
        return await desk.rehearse(one.projection, one.sequence)

    return rehearse


def _seen(context: typer.Context, look: Callable[[ParkedDesk], Awaitable[T]]) -> T:
    async def work(system: System) -> T:
        return await look(ParkedDesk(system))

    return looking_at(context.obj.app, context.obj.config, work)


def _ask(question: str) -> None:
    if not typer.confirm(question):
        raise typer.Exit(1)


def _who() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def _finish(done: list[ReleaseView], as_json: bool) -> None:
    for one in done:
        _print_released(one, as_json, "are")
    raise typer.Exit(1 if any(one.again for one in done) else 0)


def _print_page(found: ParkedPage) -> None:
    # Whole, for it is what the other commands ask for.
    sequence = Column("sequence", overflow="fold")
    table = Table("projection", sequence, "state", "since", "attempts", "event", "error")
    for one in found.items:
        former = f"version {one.version}" if one.version else "former code"
        name = one.projection if one.same_code else f"{one.projection} ({former})"
        since = one.since.isoformat(timespec="seconds").replace("+00:00", "Z")
        event = f"{one.event}{_at(one)}"
        error = one.reason if one.state == "discarded" else one.error
        table.add_row(name, one.sequence, one.state, since, str(one.attempts), event, error)
    # Names and errors are told as they are: "lane:order:7" is no picture, "[x]" no colour.
    console = Console(markup=False, emoji=False)
    if found.items:
        console.print(table)
    console.print(f"{found.total:,} in all")
    for cause, count in sorted(found.causes.items(), key=lambda item: -item[1]):
        console.print(f"{count:>7,}  {cause}")
    if found.next_cursor is not None:
        console.print(f"more: --after {found.next_cursor}")


def _print_head(one: ParkedView) -> None:
    typer.echo(f"{one.projection} {one.sequence}: {one.state} since {one.since.isoformat()}")
    typer.echo(f"  {one.event} of {one.stream}{_at(one)}: {one.error}")
    tried = f"{one.attempts} attempts"
    if one.next_attempt is not None:
        tried += f", the next at {one.next_attempt.isoformat()}"
    typer.echo(f"  {tried}" + ("" if one.same_code else "; the code has changed since"))


def _print_released(one: ReleaseView, as_json: bool, verb: str) -> None:
    if as_json:
        print_json(one)
        return
    left_out = f", {one.discarded:,} left out" if one.discarded else ""
    typer.echo(f"{one.sequence}: {one.applied:,} events {verb} applied{left_out}")
    if not one.shown:
        typer.echo("  (handwritten: what it writes can't be shown)")
    for document in one.documents:
        _print_document(document)
    for effect in one.effects:
        typer.echo(f"  {effect.kind} {effect.name}: {short(effect.data)}")
    if one.again is not None:
        typer.echo(f"  {_waits(one.again)}")


def _waits(again: ParkedView) -> str:
    if again.projection == COMMANDS and again.state == "retrying":
        return "not tried yet: does a process with the role commands run?"
    return f"waits again{_at(again)}: {again.error}"


def _at(one: ParkedView) -> str:
    """Where events are in the log; commands and timers are nowhere there."""
    return f" at {one.position}" if one.position else ""


def _print_document(document: DocumentView) -> None:
    typer.echo(f"  {document.key}: {document.what}")
    for field in document.fields:
        typer.echo(f"    {field.name}: {short(field.before)} → {short(field.after)}")
