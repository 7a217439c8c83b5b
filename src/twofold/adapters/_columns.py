"""What every store's read models have in common: their columns, indexes and plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal

from twofold.ports.read_store import Column, ColumnKind, Table

# The usual 28 digits would round long sums.
_WIDE = Context(prec=1_000)
# Every write of a row pays for each index; beyond these, a facet's rows are sorted for each page.
_PAIRS = 18


def plain(number: Decimal) -> Decimal:
    """The number without needless zeros and without an exponent, the same from every store."""
    short = number.normalize(_WIDE)
    if short.as_tuple().exponent > 0:  # type: ignore[operator]
        return short.quantize(Decimal(1), context=_WIDE)
    return short


def column_of(table: Table, name: str) -> Column:
    """The declared column. Raises KeyError."""
    for column in table.columns:
        if column.name == name:
            return column
    raise KeyError(f"{table.name} has no column {name}")


def indexed(table: Table, *, texts: bool = False) -> Mapping[str, Sequence[Column]]:
    """The indexes of a read model: name to the columns of the index, before the key.

    ``texts``: columns of several texts can stand in an index beside others.

    A facet has few values and many rows for each, so its index has all that lists look at: rows
    are then counted and chosen in the index alone. Yes or no alone chooses too little for an index
    of its own. Pages of a facet's value in the order of a sort come from an index over the two.
    """
    single = [c for c in table.columns if c.kind is not ColumnKind.TEXTS]
    facets = [c for c in single if c.facet]
    listed = facets + [c for c in single if not c.facet and (c.filter or c.sort)]
    beside = [c for c in single if c not in listed and not c.measure]
    beside += [c for c in table.columns if texts and c.kind is ColumnKind.TEXTS]
    found: dict[str, Sequence[Column]] = {}
    for column in listed:
        if column.kind is ColumnKind.BOOLEAN and not column.facet:
            continue
        others = [*(c for c in listed if c is not column), *beside] if column.facet else []
        found[column.name] = [column, *others]
    for facet, sort in _pairs(single)[:_PAIRS]:
        if found[facet.name][:2] != [facet, sort]:
            # No field's name has a hyphen, so none is the name of a pair.
            found[f"{facet.name}-{sort.name}"] = [facet, sort]
    return found


def _pairs(columns: Sequence[Column]) -> list[tuple[Column, Column]]:
    facets = [c for c in columns if c.facet and c.kind is not ColumnKind.BOOLEAN]
    return [(facet, c) for c in columns if c.sort for facet in facets if facet is not c]
