"""The command ``shop``. Exit codes: 0 fine, 1 lines were rejected, 2 wrong use."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from shop.importing import COLUMNS, Accounting, InvoiceImport, Reject
from twofold import System, TwofoldError
from twofold.ops.commands.target import Config, Json, looking_at
from twofold.ops.progress import progress_bar

app = typer.Typer(
    name="shop",
    help="ACME's shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def shop() -> None:
    """ACME's shop."""


@app.command("import-invoices")
def import_invoices(
    file: Annotated[Path, typer.Argument(help="CSV, also gzipped", exists=True, dir_okay=False)],
    rejects: Annotated[Path | None, typer.Option(help="Where to write rejected lines")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Import invoices; every line is accepted or rejected with a reason."""
    begun = time.monotonic()

    async def work(system: System) -> InvoiceImport:
        with progress_bar("import", quiet=as_json) as report:
            job = InvoiceImport(system, file, report)
            await job.run()
            return job

    job = looking_at("shop", config, work, roles=frozenset({"api", "projector"}))
    if rejects is not None:
        _write(rejects, job.rejects)
    _tell(job.accounting, time.monotonic() - begun, as_json)
    raise typer.Exit(1 if job.accounting.rejected else 0)


def _write(file: Path, rejects: Sequence[Reject]) -> None:
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(("line", "reason", *COLUMNS))
        for number, why, raw in sorted(rejects, key=lambda reject: reject[0]):
            writer.writerow((number, why, *raw))


def _tell(accounting: Accounting, seconds: float, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(accounting).decode())
        return
    typer.echo(
        f"{accounting.lines:,} lines in {seconds:.1f} s: {accounting.accepted:,} accepted, "
        f"{accounting.rejected:,} rejected"
    )
    typer.echo(
        f"new: {accounting.orders:,} invoices, {accounting.credit_notes:,} credit notes, "
        f"{accounting.adjustments:,} adjustments; known: {accounting.unchanged:,}"
    )
    for why, count in accounting.rejected_by_reason.items():
        typer.echo(f"  {count:,} x {why}")


def main() -> None:
    """The entry point: our errors are messages, not tracebacks."""
    try:
        app()
    except TwofoldError as exc:
        typer.secho(str(exc), fg="red", err=True)
        sys.exit(2)
