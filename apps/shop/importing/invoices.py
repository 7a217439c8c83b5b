"""Importing invoices: every line of the file is accounted for."""

from __future__ import annotations

import csv
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from shop.importing.files import Rejects, opened
from shop.importing.sending import InFlight
from shop.modules.invoices.contracts import InvoiceId, Kind
from shop.modules.invoices.domain import ChangedInvoice, ImportInvoice
from shop.modules.orders.contracts import Line
from twofold import SYSTEM, InvalidInput, Sent, System

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
_CURRENCY = "GBP"


class _Raw(NamedTuple):
    invoice: str
    code: str
    description: str
    quantity: str
    date: str
    price: str
    customer: str
    country: str


class Accounting(msgspec.Struct, rename="camel"):
    """What became of the file's lines: ``lines = accepted + rejected``.

    Orders, credit notes and adjustments are counted where this import took them over.
    """

    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    orders: int = 0
    credit_notes: int = 0
    adjustments: int = 0
    unchanged: int = 0
    rejected_by_reason: dict[str, int] = {}


class _Row(msgspec.Struct, gc=False):
    line: Line
    date: datetime
    customer: str
    country: str
    number: int
    raw: _Raw


class InvoiceImport:
    """One import of one file. ``report(lines read, lines in all)`` is called now and then.

    The file is read twice: first to know how many lines each invoice has, since they need not
    stand together, then to send each invoice as soon as it is complete.
    """

    def __init__(
        self, system: System, file: Path, report: Callable[[int, int], None] | None = None
    ) -> None:
        self._system = system
        self._file = file
        self._report = report
        self._order: list[int] = []
        self.rejects = Rejects()
        self.accounting = Accounting()

    async def run(self) -> Accounting:
        """Import. Raises InvalidInput for a file that can't be read as invoices, saying how far
        it got; invoices sent before that are in, whole, and importing again goes on."""
        expected = Counter(self._invoices())
        self._total = sum(expected.values())
        waiting: defaultdict[str, list[_Row]] = defaultdict(list)
        async with InFlight() as in_flight:
            for number, raw in self._rows():
                self.accounting.lines += 1
                invoice = raw.invoice
                if invoice:
                    expected[invoice] -= 1
                row = self._read(number, raw)
                if row is not None:
                    waiting[invoice].append(row)
                if invoice and not expected[invoice] and invoice in waiting:
                    await in_flight.start(self._send(invoice, waiting.pop(invoice)))
                if self._report is not None and number % 2_000 == 0:
                    self._report(self.accounting.lines, self._total)
        self.accounting.rejected = len(self.rejects.lines)
        self.accounting.rejected_by_reason = self.rejects.by_reason
        return self.accounting

    async def _send(self, invoice: str, rows: list[_Row]) -> None:
        kind = kind_of(invoice)
        first = rows[0]
        command = ImportInvoice(
            invoice_id=InvoiceId(invoice),
            number=invoice,
            kind=kind,
            date=min(row.date for row in rows),
            customer_id=first.customer,
            country=first.country,
            currency=_CURRENCY,
            lines=tuple(row.line for row in rows),
        )
        try:
            done = await self._system.send(command, Sent(caller=SYSTEM))
        except ChangedInvoice:
            for row in rows:
                self.rejects.add(row.number, "invoice was imported with another content", *row.raw)
            return
        self.accounting.accepted += len(rows)
        if not done.events:
            self.accounting.unchanged += 1
        elif kind == "invoice":
            self.accounting.orders += 1
        elif kind == "credit-note":
            self.accounting.credit_notes += 1
        else:
            self.accounting.adjustments += 1

    def _read(self, number: int, raw: _Raw) -> _Row | None:
        """A line, or None if it can't be read. Odd is not unreadable."""
        quantity, price, date = _whole(raw.quantity), _price(raw.price), _date(raw.date)
        why = ""
        if not raw.invoice:
            why = "missing invoice number"
        elif not raw.code:
            why = "missing code"
        elif quantity is None:
            why = "quantity is no whole number"
        elif price is None:
            why = "price is no number"
        elif date is None:
            why = "date is none"
        if quantity is None or price is None or date is None or why:
            self.rejects.add(number, why, *raw)
            return None
        line = Line(sku=raw.code, title=raw.description, quantity=quantity, unit_price=price)
        customer = raw.customer.removesuffix(".0")
        return _Row(line, date, customer, raw.country, number, raw)

    def _invoices(self) -> Iterator[str]:
        """The invoice of each line that names one."""
        for _, row in self._lines():
            invoice = row[self._order[0]].strip() if len(row) > self._order[0] else ""
            if invoice:
                yield invoice

    def _rows(self) -> Iterator[tuple[int, _Raw]]:
        in_order = self._order == list(range(len(COLUMNS)))
        for number, row in self._lines():
            if not in_order or len(row) != len(COLUMNS):
                # A line that ends early has its last fields empty.
                row = [row[place] if place < len(row) else "" for place in self._order]
            yield number, _Raw(*map(str.strip, row))

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """The lines that are not empty, with their number in the file."""
        number = 1
        try:
            with opened(self._file) as text:
                reader = csv.reader(text)
                self._order = self._places(next(reader, []))
                for number, row in enumerate(reader, 2):
                    if row:
                        yield number, row
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as exc:
            raise InvalidInput(
                f"{self._file} can't be read after line {number}: {exc}; nothing of the invoices "
                "that were not complete by then was imported"
            ) from exc

    def _places(self, header: list[str]) -> list[int]:
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            raise InvalidInput(f"{self._file}: no column {', '.join(missing)}")
        return [header.index(column) for column in COLUMNS]


def kind_of(invoice: str) -> Kind:
    """C…: credit note; another letter: adjustment."""
    if not invoice[:1].isalpha():
        return "invoice"
    return "credit-note" if invoice[0] in "cC" else "adjustment"


def _whole(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if abs(number) < 10**9 else None


@lru_cache(4_096)
def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


@lru_cache(4_096)
def _price(text: str) -> Decimal | None:
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    return price if price.is_finite() and abs(price) < 10**9 else None
