"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


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
    shown = [-1]

    def report(position: int, head: int) -> None:
        tenth = position * 10 // max(head, 1)
        if tenth > shown[0]:
            shown[0] = tenth
            typer.echo(f"{what}: {position:,} of {head:,} ({tenth * 10} %)", err=True)

    return report
