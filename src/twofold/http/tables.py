"""Answers as tables for spreadsheets: CSV where the client prefers it (``Accept: text/csv``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.http.exchange import Exchange
from twofold.messages.shapes import item_types

CSV = b"text/csv; charset=utf-8"
_KNOWN = ("text/csv", "application/json", "application/*", "*/*")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def columns_of(answer: Any) -> tuple[tuple[str, str], ...]:
    """The columns of an answer that is a list of ``items``: names in Python and in JSON."""
    if not (isinstance(answer, type) and issubclass(answer, msgspec.Struct)):
        return ()
    several = {field.encode_name: field.type for field in struct_fields(answer)}.get("items")
    (item,) = item_types(several, 1) or (None,)
    if not (isinstance(item, type) and issubclass(item, msgspec.Struct)):
        return ()
    return tuple((field.name, field.encode_name) for field in struct_fields(item))


def wants_table(exchange: Exchange) -> bool:
    """Whether the client prefers CSV to JSON; of equals, what it names first."""
    ranges = [one.partition(";") for one in exchange.header(b"accept").lower().split(",")]
    weights = {kind.strip(): _weight(rest) for kind, _, rest in ranges if kind.strip() in _KNOWN}
    best = max(weights, key=weights.__getitem__, default="")
    return best == "text/csv" and weights[best] > 0


def table(columns: Sequence[tuple[str, str]], items: Iterable[msgspec.Struct]) -> bytes:
    """A heading and a line for each item. Texts that a spreadsheet would run begin with ``'``."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([heading for _, heading in columns])
    writer.writerows([_cell(getattr(item, name)) for name, _ in columns] for item in items)
    return written.getvalue().encode()


def _weight(parameters: str) -> float:
    name, _, number = parameters.strip().partition("=")
    try:
        return float(number) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def _cell(value: object) -> object:
    plain = msgspec.to_builtins(value)
    if isinstance(plain, dict | list):
        return msgspec.json.encode(plain).decode()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{plain}"
    return plain
