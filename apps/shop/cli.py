"""The command ``shop``. Exit codes: 0 fine, 1 lines were rejected, 2 wrong use."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from shop.importing import invoices, products
from shop.importing.files import Rejects
from shop.importing.invoices import Accounting, InvoiceImport
from shop.importing.products import ProductAccounting, ProductImport
from twofold import System
from twofold.ops.commands.target import Config, Json, looking_at
from twofold.ops.ending import run_command
from twofold.ops.progress import progress_bar

_ROLES = frozenset({"api", "projector"})

app = typer.Typer(
    name="shop",
    help="ACME's shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RejectsFile = Annotated[
    Path | None, typer.Option("--rejects", help="Where to write rejected lines, as CSV")
]


@app.callback()
def shop() -> None:
    """ACME's shop."""


@app.command("import-invoices")
def import_invoices(
    file: Annotated[Path, typer.Argument(help="CSV, also gzipped", exists=True, dir_okay=False)],
    rejects: RejectsFile = None,
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

    job = looking_at("shop", config, work, roles=_ROLES)
    _write(rejects, job.rejects, invoices.COLUMNS)
    _tell(job.accounting, _invoices_told(job.accounting), time.monotonic() - begun, as_json)


@app.command("import-products")
def import_products(
    file: Annotated[
        Path,
        typer.Argument(
            help="One JSON object on each line, also gzipped", exists=True, dir_okay=False
        ),
    ],
    rejects: RejectsFile = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Import products; those known already are brought up to date."""
    begun = time.monotonic()

    async def work(system: System) -> ProductImport:
        with progress_bar("import", quiet=as_json) as report:
            job = ProductImport(system, file, report)
            await job.run()
            return job

    job = looking_at("shop", config, work, roles=_ROLES)
    _write(rejects, job.rejects, products.COLUMNS)
    _tell(job.accounting, _products_told(job.accounting), time.monotonic() - begun, as_json)


def _write(file: Path | None, rejects: Rejects, columns: tuple[str, ...]) -> None:
    if file is None:
        return
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(("line", "reason", *columns))
        for number, why, raw in sorted(rejects.lines, key=lambda reject: reject.number):
            writer.writerow((number, why, *raw))


def _tell(
    accounting: Accounting | ProductAccounting, told: str, seconds: float, as_json: bool
) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(accounting).decode())
    else:
        typer.echo(
            f"{accounting.lines:,} lines in {seconds:.1f} s: {accounting.accepted:,} accepted, "
            f"{accounting.rejected:,} rejected"
        )
        typer.echo(told)
        for why, count in accounting.rejected_by_reason.items():
            typer.echo(f"  {count:,} x {why}")
    raise typer.Exit(1 if accounting.rejected else 0)


def _invoices_told(accounting: Accounting) -> str:
    return (
        f"new: {accounting.orders:,} invoices, {accounting.credit_notes:,} credit notes, "
        f"{accounting.adjustments:,} adjustments; known: {accounting.unchanged:,}"
    )


def _products_told(accounting: ProductAccounting) -> str:
    return (
        f"new: {accounting.products:,} products ({accounting.unpriced:,} without a price); "
        f"changed: {accounting.changed:,}; as before: {accounting.unchanged:,}; "
        f"repeated: {accounting.repeated:,}; texts repaired: {accounting.repaired:,}"
    )


def main() -> None:
    """The entry point."""
    run_command(app)
