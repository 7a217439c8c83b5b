"""How SQLite says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from twofold.adapters._columns import plain
from twofold.adapters._sql.statements import Values, column_name, quoted
from twofold.errors import InvalidInput
from twofold.messages.recorded import microseconds, moment
from twofold.ports.read_store import Column, ColumnKind, Table

_SCALE = 6
# "Unit separator": a control character, which no text of an input has.
_SEPARATOR = "\x1f"
_LARGEST = 2**63


class SqliteDialect:
    """SQLite has no decimals and no times: both are kept as integers, which sort and add exactly.

    Decimals are scaled by 10^6, so up to six places and just over 9 · 10^12.
    """

    def placeholder(self, number: int) -> str:
        """?1, ?2, …"""
        return f"?{number}"

    def to_driver(self, kind: ColumnKind, value: Any) -> Any:
        """Decimals scaled, times as microseconds, dates as ISO text."""
        if value is None:
            return None
        match kind:
            case ColumnKind.DECIMAL:
                return _scaled(value)
            case ColumnKind.TIME:
                return microseconds(value)
            case ColumnKind.DATE:
                return value.isoformat()
            case ColumnKind.BOOLEAN:
                return int(value)
            case ColumnKind.TEXTS:
                return value
        return value

    def from_driver(self, kind: ColumnKind, value: Any) -> Any:
        """The reverse."""
        if value is None:
            return None
        match kind:
            case ColumnKind.DECIMAL:
                return plain(Decimal(value).scaleb(-_SCALE))
            case ColumnKind.TIME:
                return moment(value)
            case ColumnKind.DATE:
                return date.fromisoformat(value)
            case ColumnKind.BOOLEAN:
                return bool(value)
        return value

    def table(self, name: str) -> str:
        """read_…"""
        return quoted(f"read_{name}")

    def groups(self, name: str) -> str:
        """count_…"""
        return quoted(f"count_{name}")

    def any_of(
        self,
        table: Table,
        column: Column,
        values: Sequence[Any],
        into: Values,
        *,
        narrowed: bool = False,
    ) -> str:
        """An IN list; several texts are kept in a table of their own, and joined in the row."""
        if narrowed and column.kind is ColumnKind.TEXTS:
            joined = (into.add(joined_texts((value,))) for value in values)
            return " or ".join(f"instr({column_name(column.name)}, {one})" for one in joined)
        marks = ", ".join(into.add(value) for value in values)
        if column.kind is ColumnKind.TEXTS:
            many = quoted(f"many_{table.name}")
            name = into.add(column.name)
            return f"key in (select key from {many} where name = {name} and value in ({marks}))"
        # The planner expects more rows of a list, even of one value.
        return f"{column_name(column.name)} " + (f"in ({marks})" if values[1:] else f"= {marks}")

    def has_words(self, table: Table, wanted: Sequence[str], into: Values) -> str:
        """An FTS5 match; words are quoted, so nothing that a person types is syntax."""
        name, source = quoted(f"text_{table.name}"), self.table(table.name)
        hits = f"select rowid from {name} where {name} match {into.add(_phrase(wanted))}"
        return f"{source}.rowid in ({hits})"

    def ranked(self, table: Table, wanted: Sequence[str], into: Values) -> tuple[str, str]:
        """Hits with their bm25, earlier texts weighing more."""
        name = quoted(f"text_{table.name}")
        weights = ", ".join(str(2.0 ** (len(table.texts) - i)) for i in range(len(table.texts)))
        hits = (
            f"select rowid as hit, -bm25({name}, {weights}) as relevance from {name} "
            f"where {name} match {into.add(_phrase(wanted))}"
        )
        source = self.table(table.name)
        return f"({hits}) join {source} on {source}.rowid = hit", "relevance"

    def state(self, name: str) -> str:
        """What rows belong to: position, parts, and how often they changed without events."""
        return (
            "select position || parts || '/' || mended from twofold_checkpoint "
            f"where projection = {name}"
        )

    def facet(self, table: Table, column: Column, where: str) -> str:
        """Counts, the most frequent first; several texts are counted joined, as they stand."""
        order = "order by 2 desc, 1 asc nulls last"
        name = column_name(column.name)
        return (
            f"select {name}, count(*) from {self.table(table.name)}{where} group by {name} {order}"
        )


def joined_texts(values: Iterable[str]) -> str:
    """Several texts in one column, each between separators, so that each can be found in it."""
    return _SEPARATOR + "".join(f"{value}{_SEPARATOR}" for value in values)


def separated_texts(joined: str) -> list[str]:
    """The reverse."""
    return joined.split(_SEPARATOR)[1:-1]


def _phrase(wanted: Sequence[str]) -> str:
    return " ".join(f'"{word}"' for word in wanted) + "*"


def _scaled(value: Decimal | int) -> int:
    number = (value if type(value) is Decimal else Decimal(value)).scaleb(_SCALE)
    whole = int(number)
    if whole != number or not -_LARGEST <= whole < _LARGEST:
        raise InvalidInput(
            f"{value} does not fit a decimal column on SQLite: at most {_SCALE} places and "
            "9,223,372,036,854 in size"
        )
    return whole
