"""``twofold parked APP release PROJECTION --all``: as the console does it, watched from here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import typer

from twofold.errors import ParkedChanged
from twofold.ops.commands.printing import print_json
from twofold.ops.commands.target import Target, looking_at
from twofold.ops.progress import progress_bar
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.release_all import Begun, Foreseen, ReleaseAll
from twofold.runtime.parking.release_notes import ReleasingView
from twofold.runtime.parking.views import Wanted
from twofold.runtime.system import System

_LOOK_SECONDS = 0.2


def release_all(target: Target, wanted: Wanted, *, actor: str, ask: bool, as_json: bool) -> bool:
    """Foresee it and ask, then do it and show how far it is; whether all that waited is released.

    Ctrl-C stops it behind the sequence that it is at. Raises NotFound, ReleaseRunning,
    ParkedChanged.
    """
    seen: int | None = None
    if ask:
        foreseen = looking_at(target.app, target.config, _foresight(wanted))
        if foreseen.total:
            _print_foreseen(wanted, foreseen)
            typer.confirm(f"Release {foreseen.total:,} of {wanted.projection}?", abort=True)
        seen = foreseen.seen

    async def work(system: System) -> ReleasingView | None:
        page = await ParkedDesk(system).page(wanted.projection, wanted.state, "", 1, wanted.cause)
        if not page.total:
            return None
        all_ = ReleaseAll(system)
        begun = await all_.start(wanted, actor=actor, seen=seen)
        with progress_bar(f"release {wanted.projection}", quiet=as_json) as report:
            return await _watched(all_, wanted.projection, actor, begun, report)

    found = looking_at(target.app, target.config, work)
    if as_json:
        print_json(found)
    elif found is None:
        typer.echo(f"nothing waits in {wanted.projection}{_narrowed(wanted)}")
    else:
        _print_ended(target.app, found)
    return found is None or (found.phase == "done" and not found.again)


def stop_release(target: Target, projection: str, *, actor: str) -> bool:
    """Have a release of all end early; whether one is under way. Raises NotFound."""

    async def work(system: System) -> bool:
        try:
            await ReleaseAll(system).stop(projection, actor=actor)
        except ParkedChanged:
            return False
        return True

    return looking_at(target.app, target.config, work)


def release_line(view: ReleasingView | None) -> str:
    """The release of all that is under way or was interrupted, in one line; "" if there is none."""
    if view is None or view.phase != "releasing":
        return ""
    line = f"{view.by} releases all of {view.projection}: {view.done:,} of {view.total:,}"
    if view.interrupted:
        return f"{line}; that was interrupted, the rest is as it was"
    return f"{line}, {view.per_second:,.0f}/s"


async def _watched(
    all_: ReleaseAll,
    place: str,
    actor: str,
    begun: Begun,
    report: Callable[[int, int], None] | None,
) -> ReleasingView | None:
    """How it ended. Raises ParkedChanged if somebody took over, while this process stood still."""
    while not begun.ended.is_set():
        try:
            now = await all_.look(place)
            if report is not None and now is not None:
                report(now.done, now.total)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await begun.ended.wait()
        except asyncio.CancelledError:
            # Ctrl-C. Cut off now, nobody would note how far it came; a second one does that.
            with suppress(ParkedChanged):
                await all_.stop(place, actor=actor)
    last = await all_.look(place)
    if last is None or last.seen != begun.seen:
        raise ParkedChanged(place, "the release of all")
    return last


def _foresight(wanted: Wanted) -> Callable[[System], Awaitable[Foreseen]]:
    async def foresee(system: System) -> Foreseen:
        return await ReleaseAll(system).foresee(wanted)

    return foresee


def _print_foreseen(wanted: Wanted, found: Foreseen) -> None:
    typer.echo(
        f"{found.total:,} sequences{_narrowed(wanted)} would be tried one after another, the "
        "oldest first; what fails again waits on"
    )
    if found.impossible:
        typer.echo(f"{found.impossible}. So it can't be rehearsed")
    elif found.failing:
        first = found.failing[0]
        typer.secho(
            f"of the oldest {found.rehearsed:,}, {len(found.failing):,} would wait again; the "
            f"first of them, {first.sequence}: {first.error}",
            fg="yellow",
        )
    else:
        typer.echo(f"the oldest {found.rehearsed:,} were rehearsed: all of them would be released")


def _narrowed(wanted: Wanted) -> str:
    return f" for this cause: {wanted.cause}" if wanted.cause else ""


def _print_ended(app: str, found: ReleasingView) -> None:
    ended = "interrupted" if found.interrupted else found.phase
    early = "" if ended == "done" else f"{ended}, "
    why = f" ({found.why})" if found.why else ""
    typer.echo(f"{found.projection}: {early}{found.told}{why}")
    if early or found.again:
        typer.echo(f"what waits: twofold parked {app} list {found.projection}")
