"""The command ``training``. Exit codes: 0 fine, 1 lines were rejected, 2 wrong use."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from training.importing import COLUMNS, Accounting, ProgramImport, Reject
from training.replaying import Replay, ReplayAccounting
from training.sections import sections
from twofold import System
from twofold.ops.commands.target import Config, Json, looking_at
from twofold.ops.ending import run_command
from twofold.ops.progress import progress_bar

app = typer.Typer(
    name="training",
    help="The training company.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_ROLES = frozenset({"api", "projector", "scheduler"})
File = Annotated[Path, typer.Argument(help="CSV, also gzipped", exists=True, dir_okay=False)]


@app.callback()
def training() -> None:
    """The training company."""


@app.command("import-programs")
def import_programs(
    file: File,
    dates: Annotated[
        Path | None, typer.Option(help="Course sections whose dates make offers")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="Where to write rejected lines")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Import programs; every line is accepted or rejected with a reason."""
    begun = time.monotonic()
    known = sections(dates) if dates is not None else ()

    async def work(system: System) -> ProgramImport:
        with progress_bar("import", quiet=as_json) as report:
            job = ProgramImport(system, file, known, report)
            await job.run()
            return job

    job = looking_at("training", config, work, roles=_ROLES)
    if rejects is not None:
        _write(rejects, job.rejects)
    _tell_import(job.accounting, time.monotonic() - begun, as_json)
    raise typer.Exit(1 if job.accounting.rejected else 0)


@app.command("replay-reviews")
def replay_reviews(file: File, config: Config = None, as_json: Json = False) -> None:
    """Run the approval cases of another business through the review module."""
    begun = time.monotonic()

    async def work(system: System) -> ReplayAccounting:
        return await Replay(system, file).run()

    _tell_replay(looking_at("training", config, work, roles=_ROLES), begun, as_json)


def _write(file: Path, rejects: Sequence[Reject]) -> None:
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(("line", "reason", *COLUMNS))
        for number, why, raw in rejects:
            writer.writerow((number, why, *raw))


def _tell_import(accounting: Accounting, seconds: float, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(accounting).decode())
        return
    typer.echo(
        f"{accounting.lines:,} lines in {seconds:.1f} s: {accounting.accepted:,} accepted, "
        f"{accounting.rejected:,} rejected"
    )
    typer.echo(
        f"programs: {accounting.programs:,} new, {accounting.updated:,} updated, "
        f"{accounting.unchanged:,} known; offers: {accounting.offers:,} new, "
        f"{accounting.offers_unchanged:,} known"
    )
    for what, count in (*accounting.odd.items(), *accounting.rejected_by_reason.items()):
        typer.echo(f"  {count:,} x {what}")


def _tell_replay(accounting: ReplayAccounting, begun: float, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(accounting).decode())
        return
    seconds = time.monotonic() - begun
    typer.echo(f"{accounting.cases:,} cases, {accounting.events:,} events in {seconds:.1f} s")
    for what, counts in (
        ("mapped", accounting.mapped),
        ("refused", accounting.refused),
        ("not mapped", accounting.unmapped),
    ):
        for name, count in counts.items():
            typer.echo(f"  {what}: {count:,} x {name}")
    typer.echo(f"  silent: {accounting.silent:,} repeated decisions")


def main() -> None:
    """The entry point."""
    run_command(app)
