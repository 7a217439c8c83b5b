"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_QUIET_SECONDS = 10.0


@contextmanager
def progress_bar(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """What is handed out is called with (done, total)."""
    console = Console(stderr=True)
    if quiet:
        yield None
    elif console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.speed:,.0f}/s"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(what, total=1, speed=0)
            yield lambda position, head: progress.update(
                task, completed=position, total=head, speed=progress.tasks[0].speed or 0
            )
    else:
        yield _lines(what)


def _lines(what: str) -> Callable[[int, int], None]:
    """A line for each tenth, and for each ten seconds without one."""
    begun = shown_at = time.monotonic()
    first: int | None = None
    tenth = -1

    def report(position: int, head: int) -> None:
        nonlocal first, shown_at, tenth
        now = time.monotonic()
        first = position if first is None else first
        reached = position * 10 // max(head, 1)
        if reached <= tenth and now - shown_at < _QUIET_SECONDS:
            return
        tenth, shown_at = reached, now
        line = f"{what}: {position:,} of {head:,} ({100 * position // max(head, 1)} %)"
        rate = (position - first) / max(now - begun, 1e-6)
        if rate and position < head:
            line += f", {rate:,.0f}/s, {(head - position) / rate:,.0f} s left"
        typer.echo(line, err=True)

    return report
