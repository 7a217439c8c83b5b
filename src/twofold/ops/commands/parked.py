"""``twofold parked``: sequences that wait, what releasing them would do, and doing it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
import typer

from twofold.errors import NotFound, ParkedChanged, TwofoldError
from twofold.ops.commands.printing import listed_lines, print_json, print_problem, short
from twofold.ops.commands.release_all import release_all, release_line, stop_release
from twofold.ops.commands.target import Json, Target, commands_of, looking_at, you
from twofold.runtime.parking.commands import COMMANDS
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.release_all import ReleaseAll
from twofold.runtime.parking.release_notes import ReleasingView
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import (
    DocumentView,
    ParkedPage,
    ParkedView,
    ReleaseView,
    SequenceView,
    Wanted,
)
from twofold.runtime.system import System

T = TypeVar("T")
parked = commands_of("parked", "What waits: list, show, dry-run, release, stop, discard.")
Projection = Annotated[str, typer.Argument(help="A projection, or process:NAME, as listed")]
Sequence = Annotated[
    str, typer.Argument(help="Its name as listed (document:KEY, …); the oldest if left out")
]
Sequences = Annotated[
    list[str] | None, typer.Argument(help="Its name as listed: document:KEY, stream:NAME, …")
]
Every = Annotated[bool, typer.Option("--all", help="All that wait in this projection")]
Cause = Annotated[str, typer.Option(help="Only those with this cause, as listed")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]


@parked.command("list")
def show_list(
    context: typer.Context,
    projection: Annotated[
        str, typer.Argument(help="One projection or process:NAME; all if left out")
    ] = "",
    state: Annotated[str, typer.Option(help="Only retrying, parked or discarded")] = "",
    cause: Cause = "",
    after: Annotated[str, typer.Option(help="Where the page before ended")] = "",
    limit: Annotated[int, typer.Option(help="At most so many", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """List sequences that wait, the oldest first. Exit code 1 if there are any."""

    async def look(system: System) -> tuple[ParkedPage, ReleasingView | None]:
        page = await ParkedDesk(system).page(projection, state, after, limit, cause)
        return page, await ReleaseAll(system).look(projection) if projection else None

    target: Target = context.obj
    found, releasing = looking_at(target.app, target.config, look)
    if as_json:
        print_json(found)
    else:
        _print_page(found, target.app)
        if line := release_line(releasing):
            typer.echo(line)
    raise typer.Exit(1 if found.total and state != "discarded" else 0)


@parked.command()
def show(
    context: typer.Context,
    projection: Projection,
    sequence: Sequence = "",
    limit: Annotated[int, typer.Option(help="So many events", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """Show a sequence: why it waits, and its events."""

    async def look(desk: ParkedDesk) -> SequenceView:
        return await desk.show(projection, await _named(desk, projection, sequence), limit)

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
    typer.echo(f"what a release would change: {_command(context.obj.app, 'dry-run', found.parked)}")


@parked.command("dry-run")
def dry_run(
    context: typer.Context, projection: Projection, sequence: Sequence = "", as_json: Json = False
) -> None:
    """Show what a release would change, by the code as it is now. Exit code 1: it fails again."""

    async def rehearse(desk: ParkedDesk) -> ReleaseView:
        return await desk.rehearse(projection, await _named(desk, projection, sequence))

    found = _seen(context, rehearse)
    _print_released(found, as_json, "would be")
    raise typer.Exit(1 if found.again else 0)


@parked.command()
def release(
    context: typer.Context,
    projection: Projection,
    sequences: Sequences = None,
    every: Every = False,
    cause: Cause = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Apply what waits, in order. Exit code 1 if something fails again."""
    ask = not yes and not as_json
    if cause and not every:
        raise typer.BadParameter("--cause goes with --all")
    if every and not sequences:
        all_there = Wanted(projection, cause=cause)
        fine = release_all(context.obj, all_there, actor=_who(), ask=ask, as_json=as_json)
        raise typer.Exit(0 if fine else 1)
    wanted = _wanted(context, projection, sequences, every)
    if ask:
        for one in wanted[:5]:
            _print_released(_seen(context, _rehearsal(one)), False, "would be")
        _ask(f"Release {len(wanted):,} of {projection}?")

    async def act(desk: ParkedDesk, one: ParkedView) -> ReleaseView:
        return await desk.release(one.projection, one.sequence, actor=_who(), seen=one.seen)

    _finish(_each(context, wanted, act), as_json)


@parked.command()
def stop(context: typer.Context, projection: Projection) -> None:
    """Stop a release of all that waits there, wherever it runs; the rest waits on."""
    if not stop_release(context.obj, projection, actor=_who()):
        typer.secho(f"{projection}: no release of all is under way", fg="red", err=True)
        raise typer.Exit(1)
    typer.echo(f"{projection}: the release ends behind the sequence that it is at")


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

    async def act(desk: ParkedDesk, one: ParkedView) -> ReleaseView:
        discarding = Discarding(_who(), reason, everything)
        return await desk.discard(one.projection, one.sequence, discarding, seen=one.seen)

    _finish(_each(context, wanted, act), as_json)


async def _named(desk: ParkedDesk, projection: str, sequence: str) -> str:
    """The oldest where none is named."""
    if sequence:
        return sequence
    if not (oldest := (await desk.page(projection, "", "", 1)).items):
        raise typer.BadParameter(f"nothing waits in {projection}")
    return oldest[0].sequence


def _wanted(
    context: typer.Context,
    projection: str,
    sequences: list[str] | None,
    every: bool,
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


def _each(
    context: typer.Context,
    wanted: list[ParkedView],
    act: Callable[[ParkedDesk, ParkedView], Awaitable[ReleaseView]],
) -> list[ReleaseView | TwofoldError]:
    """What came of each; that somebody else was faster with one does not keep from the others."""

    async def work(desk: ParkedDesk) -> list[ReleaseView | TwofoldError]:
        done = list[ReleaseView | TwofoldError]()
        for one in wanted:
            try:
                done.append(await act(desk, one))
            except (NotFound, ParkedChanged) as exc:
                done.append(exc)
        return done

    return _seen(context, work)


def _rehearsal(one: ParkedView) -> Callable[[ParkedDesk], Awaitable[ReleaseView]]:
    async def rehearse(desk: ParkedDesk) -> ReleaseView:
        return await desk.rehearse(one.projection, one.sequence)

    return rehearse


def _seen(context: typer.Context, look: Callable[[ParkedDesk], Awaitable[T]]) -> T:
    async def work(system: System) -> T:
        return await look(ParkedDesk(system))

    target: Target = context.obj
    return looking_at(target.app, target.config, work)


def _ask(question: str) -> None:
    if not typer.confirm(question):
        raise typer.Exit(1)


def _who() -> str:
    return f"{you()} (command line)".lstrip()


def _finish(done: list[ReleaseView | TwofoldError], as_json: bool) -> None:
    for one in done:
        if isinstance(one, TwofoldError):
            print_problem(one, as_json)
        else:
            _print_released(one, as_json, "are")
    fine = [one for one in done if isinstance(one, ReleaseView) and not one.again]
    raise typer.Exit(0 if len(fine) == len(done) else 1)


def _print_page(found: ParkedPage, app: str) -> None:
    for one in found.items:
        _print_head(one)
    typer.echo(f"{found.total:,} in all")
    for cause, count in sorted(found.causes.items(), key=lambda item: -item[1]):
        typer.echo(f"{count:>7,}  {cause}")
    if found.next_cursor is not None:
        typer.echo(f"more: --after {found.next_cursor}")
    waiting = [one for one in found.items if one.state != "discarded"]
    if waiting:
        typer.echo(f"look at one: {_command(app, 'show', waiting[0])}")


def _command(app: str, what: str, one: ParkedView) -> str:
    return f"twofold parked {app} {what} {one.projection} {one.sequence}"


def _left_out(one: ParkedView) -> str:
    who = f" by {one.actor}" if one.actor else ""
    error = f" ({one.error})" if one.error else ""
    return f"left out{who}: {one.reason}{error}"


def _print_head(one: ParkedView) -> None:
    """The first line is what the other commands ask for, so it is whole however narrow it is."""
    typer.secho(f"{one.projection} {one.sequence}", bold=True)
    tried = f"{one.attempts} attempts"
    if one.next_attempt is not None:
        tried += f", the next at {_time(one.next_attempt)}"
    if not one.same_code:
        tried += "; the code has changed since"
    typer.echo(f"  {one.state} since {_time(one.since)}, {tried}")
    why = _left_out(one) if one.state == "discarded" else one.error
    typer.echo(f"  {one.event} of {one.stream}{_at(one)}: {why}")


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


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
        items = field.listed
        if items is None:
            typer.echo(f"    {field.name}: {short(field.before)} → {short(field.after)}")
            continue
        told, *lines = listed_lines(items)
        typer.echo(f"    {field.name}: {told}")
        for line in lines:
            typer.echo(f"      {line}")
