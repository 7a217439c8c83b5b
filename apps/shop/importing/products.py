"""Importing products: one JSON object on a line, every line accounted for."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from shop.importing.files import Rejects, opened
from shop.importing.sending import InFlight
from shop.modules.products.contracts import ProductActivated, ProductDrafted
from shop.modules.products.domain import ArchivedProduct, ImportProduct
from twofold import SYSTEM, InvalidInput, Problem, Sent, System
from twofold.messages.validation import read_value

COLUMNS = ("json",)
_CURRENCY = "GBP"
_CENTS = Decimal(100)
_LONGEST_SHOWN = 2_000
_ATTRIBUTE = ("attr_t_", "attr_n_", "attr_b_")
# What Windows wrote for these bytes, before somebody read them as ISO 8859-1; five mean nothing.
_MISREAD = {
    code: bytes([code]).decode("cp1252", "replace").replace("\ufffd", "")
    for code in range(0x80, 0xA0)
}
_REPAIRED = _MISREAD | {code: " " for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r"}
_UNSOUND = re.compile(f"[{re.escape(''.join(map(chr, _REPAIRED)))}]")


class ProductAccounting(msgspec.Struct, rename="camel"):
    """What became of the file's lines: ``lines = accepted + rejected``.

    ``accepted = products + changed + unchanged + repeated``. ``unpriced`` are those of the new
    products that can't be ordered yet, ``repaired`` the lines with control characters in a text.
    """

    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    products: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    unpriced: int = 0
    repaired: int = 0
    rejected_by_reason: dict[str, int] = {}


class ProductImport:
    """One import of one file. ``report(bytes or lines done, in all)`` is called now and then."""

    def __init__(
        self, system: System, file: Path, report: Callable[[int, int], None] | None = None
    ) -> None:
        self._system = system
        self._file = file
        self._report = report
        self._seen: dict[str, bytes] = {}
        self.rejects = Rejects()
        self.accounting = ProductAccounting()

    async def run(self) -> ProductAccounting:
        """Import. Raises InvalidInput for a file that can't be read, saying how far it got;
        products before that are in, and importing again goes on."""
        accounting = self.accounting
        total = sum(1 for _ in self._lines()) if self._report is not None else 0
        async with InFlight() as in_flight:
            for number, line in self._lines():
                accounting.lines += 1
                command = self._read(number, line)
                if command is not None and self._is_first(number, line, command):
                    await in_flight.start(self._send(number, line, command))
                if self._report is not None and number % 500 == 0:
                    self._report(accounting.lines, total)
        accounting.rejected = len(self.rejects.lines)
        accounting.rejected_by_reason = self.rejects.by_reason
        return accounting

    def _read(self, number: int, line: str) -> ImportProduct | None:
        """The line as a command, or None if it can't be read. Odd is not unreadable."""
        try:
            command, repaired = product_of(line)
        except InvalidInput as invalid:
            why = "; ".join(map(str, invalid.problems)) or str(invalid)
            self._reject(number, why, line)
            return None
        self.accounting.repaired += repaired
        return command

    def _is_first(self, number: int, line: str, command: ImportProduct) -> bool:
        """A sku counts once in a file: of two contents neither would stay."""
        content = hashlib.blake2b(msgspec.json.encode(command), digest_size=16).digest()
        known = self._seen.get(command.sku)
        if known is None:
            self._seen[command.sku] = content
            return True
        if known == content:
            self.accounting.accepted += 1
            self.accounting.repeated += 1
        else:
            self._reject(number, "id is in the file before, with another content", line)
        return False

    async def _send(self, number: int, line: str, command: ImportProduct) -> None:
        try:
            done = await self._system.send(command, Sent(caller=SYSTEM))
        except ArchivedProduct:
            self._reject(number, "product is archived", line)
            return
        except InvalidInput as invalid:
            self._reject(number, "; ".join(map(str, invalid.problems)), line)
            return
        accounting = self.accounting
        accounting.accepted += 1
        kinds = {type(event) for event in done.events}
        if not kinds:
            accounting.unchanged += 1
        elif ProductDrafted not in kinds:
            accounting.changed += 1
        else:
            accounting.products += 1
            accounting.unpriced += ProductActivated not in kinds

    def _reject(self, number: int, why: str, line: str) -> None:
        self.rejects.add(number, why, line[:_LONGEST_SHOWN])

    def _lines(self) -> Iterator[tuple[int, str]]:
        """The lines that are not empty, with their number in the file."""
        number = 0
        try:
            with opened(self._file) as text:
                for number, line in enumerate(text, 1):
                    if line.strip():
                        yield number, line.strip()
        except (OSError, EOFError, UnicodeDecodeError, zlib.error) as exc:
            raise InvalidInput(f"{self._file} can't be read after line {number}: {exc}") from exc


def product_of(line: str) -> tuple[ImportProduct, bool]:
    """A line of the file as a command, and whether its texts had to be repaired.

    Raises InvalidInput naming everything wrong with it.
    """
    try:
        row: Any = msgspec.json.decode(line)
    except msgspec.DecodeError as exc:
        raise InvalidInput("the line is no JSON") from exc
    if not isinstance(row, dict):
        raise InvalidInput("the line is no JSON object")
    problems = [] if row.get("id") else [Problem("id", "is missing")]
    if not (row.get("title") or row.get("name")):
        problems.append(Problem("title", "is missing"))
    price = _price(row.get("price"), problems)
    if problems:
        raise InvalidInput(problems)
    raw = {
        "sku": row["id"],
        "title": row.get("title") or row["name"],
        "brand": row.get("supplier") or "",
        "category": row.get("category") or "",
        "description": row.get("short_description") or "",
        "attributes": _attributes(row),
        "currency": _CURRENCY,
    }
    sound = _repaired(raw)
    given = sound if price is None else {**sound, "price": price}
    return read_value(ImportProduct, given), sound != raw


def _price(cents: object, problems: list[Problem]) -> Decimal | None:
    """The price in pounds; None where the file has none."""
    if cents is None:
        return None
    if isinstance(cents, bool) or not isinstance(cents, int) or cents < 0:
        problems.append(Problem("price", "is no whole number of cents"))
        return None
    return cents / _CENTS


def _attributes(row: dict[str, Any]) -> dict[str, str]:
    """Each with a name to read: ``attr_t_product_colour`` is "product colour".

    The same attribute may be there as text, number and truth; then all are kept.
    """
    found: dict[str, str] = {}
    for name, value in row.items():
        if name.startswith(_ATTRIBUTE) and value is not None:
            spoken = " ".join(name[len(_ATTRIBUTE[0]) :].replace("_", " ").split())
            known, text = found.get(spoken), _text(value)
            found[spoken] = text if known is None else f"{known}, {text}"
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _repaired(value: Any) -> Any:
    """Texts without control characters, which no page could show."""
    if isinstance(value, dict):
        return {_repaired(name): _repaired(one) for name, one in value.items()}
    if isinstance(value, str):
        return _UNSOUND.sub(lambda found: _REPAIRED[ord(found[0])], value)
    return value
