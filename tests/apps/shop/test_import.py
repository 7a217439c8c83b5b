"""Importing invoices: every line is accounted for, every report is exact."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from shop.importing.invoices import COLUMNS, Accounting, InvoiceImport
from shop.modules.reports.queries import Dimension, Revenue, RevenueReport
from twofold import Asked, Caller, InvalidInput, System

FINANCE = Caller("fay", roles=frozenset({"finance"}))
HEADER = ",".join(COLUMNS)
DIRTY = [
    "1,A,Mug,6,2011-01-31 08:26:00,2.55,17850.0,United Kingdom",
    "1,A,Mug,6,2011-01-31 08:26:00,2.55,17850.0,United Kingdom",
    "1,B,Odd,-1,2011-01-31 08:26:00,1.125,17850.0,United Kingdom",
    "2,A,Mug,1,2011-02-01 09:00:00,0,,France",
    "C3,A,Mug,-2,2011-02-02 09:00:00,2.55,17850.0,United Kingdom",
    "A4,X,Adjust,1,2011-02-03 09:00:00,-11.5,,United Kingdom",
    "1,C,Late,1,2011-01-31 08:27:00,1,17850.0,United Kingdom",
    "5,,No code,1,2011-02-03 09:00:00,1,1,Spain",
    "5,A,Half,1.5,2011-02-03 09:00:00,1,1,Spain",
    "5,A,Free,1,2011-02-03 09:00:00,gratis,1,Spain",
    "5,A,When,1,2011-02-30 09:00:00,1,1,Spain",
    "5,A,Fine,1,2011-02-03 09:00:00,1,1,Spain",
    ",A,No invoice,1,2011-02-03 09:00:00,1,1,Spain",
    "6,A,Nan,1,2011-02-03 09:00:00,NaN,1,Spain",
    "6,A",
]


def written(folder: Path, lines: list[str], name: str = "invoices.csv") -> Path:
    """A file of ``lines``."""
    file = folder / name
    file.write_text("\n".join([HEADER, *lines, ""]), "utf-8")
    return file


async def imported(system: System, file: Path) -> InvoiceImport:
    """The import, done."""
    job = InvoiceImport(system, file)
    await job.run()
    return job


async def report(system: System, by: Dimension, **given: Any) -> RevenueReport:
    """The revenue report."""
    answered = await system.ask(Revenue(by=by, **given), Asked(caller=FINANCE))
    return answered.answer


async def test_every_line_is_accounted_for(shop: System, tmp_path: Path) -> None:
    job = await imported(shop, written(tmp_path, DIRTY))
    assert job.accounting == Accounting(
        lines=15,
        accepted=8,
        rejected=7,
        orders=3,
        credit_notes=1,
        adjustments=1,
        unchanged=0,
        rejected_by_reason={
            "missing code": 1,
            "quantity is no whole number": 2,
            "price is no number": 2,
            "date is none": 1,
            "missing invoice number": 1,
        },
    )
    assert sorted(number for number, _, _ in job.rejects.lines) == [9, 10, 11, 12, 14, 15, 16]


async def test_importing_again_changes_nothing(shop: System, tmp_path: Path) -> None:
    await imported(shop, written(tmp_path, DIRTY))
    head = await shop.log.head()
    again = await imported(shop, written(tmp_path, list(reversed(DIRTY)), "reversed.csv"))
    assert await shop.log.head() == head
    assert (again.accounting.unchanged, again.accounting.orders) == (5, 0)
    assert again.accounting.lines == again.accounting.accepted + again.accounting.rejected


async def test_a_changed_invoice_is_reported(shop: System, tmp_path: Path) -> None:
    await imported(shop, written(tmp_path, DIRTY[:1]))
    changed = await imported(shop, written(tmp_path, [DIRTY[0].replace(",6,", ",7,")]))
    assert changed.accounting.rejected_by_reason == {"invoice was imported with another content": 1}


async def test_reports_add_up(shop: System, tmp_path: Path) -> None:
    await imported(shop, written(tmp_path, DIRTY))
    by_month = await report(shop, Dimension.MONTH)
    figures = [(i.key, i.net, i.gross, i.refunds, i.units, i.orders) for i in by_month.items]
    assert figures == [
        ("2011-01", Decimal("30.475"), Decimal("31.60"), Decimal("0"), 12, 1),
        ("2011-02", Decimal("-15.60"), Decimal("1.00"), Decimal("-5.10"), 1, 2),
    ]
    assert by_month.total.net == Decimal("14.875")
    by_product = await report(shop, Dimension.PRODUCT)
    assert {i.key: i.net for i in by_product.items} == {
        "A": Decimal("26.50"),
        "B": Decimal("-1.125"),
        "C": Decimal("1"),
        "X": Decimal("-11.50"),
    }
    january = await report(shop, Dimension.COUNTRY, to=date(2011, 1, 31))
    assert [(i.key, i.orders) for i in january.items] == [("United Kingdom", 1)]


@pytest.mark.parametrize("cut", [30, 200])
async def test_a_half_written_file_says_how_far_it_got(
    shop: System, tmp_path: Path, cut: int
) -> None:
    whole = gzip.compress("\n".join([HEADER, *DIRTY]).encode())
    file = tmp_path / "half.csv.gz"
    file.write_bytes(whole[:cut])
    with pytest.raises(InvalidInput, match="can't be read after line"):
        await imported(shop, file)
    assert await shop.log.head() == 0


async def test_files_that_are_something_else_are_refused(shop: System, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(HEADER.encode() + b"\n1,\xff\xfe,x,1,2011-01-01,1,1,France\n")
    with pytest.raises(InvalidInput, match="can't be read"):
        await imported(shop, file)
    file.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="no column InvoiceNo"):
        await imported(shop, file)


@lru_cache
def independent(file: Path) -> dict[str, dict[str, list[Any]]]:
    """Net, gross, refunds and units of the file by every dimension, by plain addition."""
    found: dict[str, dict[str, list[Any]]] = {
        d.value: defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0), 0, set()])
        for d in Dimension
    }
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            quantity, amount = (
                int(row["Quantity"]),
                int(row["Quantity"]) * Decimal(row["UnitPrice"]),
            )
            invoice, day = row["InvoiceNo"], row["InvoiceDate"][:10]
            values = {
                "day": day,
                "month": day[:7],
                "country": row["Country"],
                "product": row["StockCode"].strip(),
                "category": "",
                "customer": row["CustomerID"].removesuffix(".0"),
            }
            for dimension, value in values.items():
                sums = found[dimension][value]
                sums[0] += amount
                sums[3] += quantity
                if invoice[0].isdigit():
                    sums[1] += max(amount, Decimal(0))
                    sums[4].add(invoice)
                elif invoice.startswith("C"):
                    sums[2] += amount
    return found


@pytest.mark.skipif(not os.environ.get("TWOFOLD_DATA"), reason="TWOFOLD_DATA names no real data")
async def test_reports_on_the_real_invoices_match_to_the_last_digit(shop: System) -> None:
    file = Path(os.environ["TWOFOLD_DATA"]) / "online_retail/invoices_2010-12_2011-08.csv.gz"
    accounting = (await imported(shop, file)).accounting
    assert (accounting.lines, accounting.accepted, accounting.rejected) == (320_705, 320_705, 0)
    assert accounting.orders + accounting.credit_notes + accounting.adjustments == 16_459
    for dimension, expected in independent(file).items():
        answer = await report(shop, Dimension(dimension), limit=10_000)
        got = {i.key: [i.net, i.gross, i.refunds, i.units, i.orders] for i in answer.items}
        assert got == {key: [*sums[:4], len(sums[4])] for key, sums in expected.items()}
        assert answer.total.net == sum(sums[0] for sums in expected.values())
