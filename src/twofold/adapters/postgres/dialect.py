"""How PostgreSQL says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twofold.adapters._columns import plain
from twofold.adapters._sql.statements import Values, column_name, quoted
from twofold.ports.read_store import Column, ColumnKind, Table

TYPES = {
    ColumnKind.TEXT: "text",
    ColumnKind.INTEGER: "bigint",
    ColumnKind.DECIMAL: "numeric",
    ColumnKind.BOOLEAN: "boolean",
    ColumnKind.TIME: "timestamptz",
    ColumnKind.DATE: "date",
    ColumnKind.TEXTS: "text[]",
}


class PostgresDialect:
    """PostgreSQL has a type for everything; texts are compared by code point (collation C)."""

    def placeholder(self, number: int) -> str:
        """$1, $2, …"""
        return f"${number}"

    def to_driver(self, kind: ColumnKind, value: Any) -> Any:
        """As it is."""
        return value

    def from_driver(self, kind: ColumnKind, value: Any) -> Any:
        """Sums of integers come as numeric."""
        if kind is ColumnKind.INTEGER and value is not None:
            return int(value)
        if kind is ColumnKind.DECIMAL and value is not None:
            return plain(value)
        return value

    def table(self, name: str) -> str:
        """twofold_read.…"""
        return f"twofold_read.{quoted(name)}"

    def groups(self, name: str) -> str:
        """twofold_read.$count_…"""
        return f"twofold_read.{quoted(f'$count_{name}'[:63])}"

    def any_of(
        self,
        table: Table,
        column: Column,
        values: Sequence[Any],
        into: Values,
        *,
        narrowed: bool = False,
    ) -> str:
        """= or = any; several texts overlap. The planner knows best which index to take."""
        name = column_name(column.name)
        if column.kind is ColumnKind.TEXTS:
            return f"{name} && {into.add(list(values))}::text[]"
        if len(values) == 1:
            return f"{name} = {into.add(values[0])}"
        return f"{name} = any({into.add(list(values))}::{TYPES[column.kind]}[])"

    def has_words(self, table: Table, wanted: Sequence[str], into: Values) -> str:
        """A tsquery of quoted lexemes, so nothing that a person types is syntax."""
        return f"t_words @@ {into.add(_query(wanted))}::tsquery"

    def ranked(self, table: Table, wanted: Sequence[str], into: Values) -> tuple[str, str]:
        """ts_rank, with earlier texts weighing more."""
        return self.table(table.name), f"ts_rank(t_words, {into.add(_query(wanted))}::tsquery)"

    def state(self, name: str) -> str:
        """What rows belong to: position, parts, and how often they changed without events."""
        return (
            "select position || parts || '/' || mended "
            f'from twofold_read."$checkpoint" where projection = {name}'
        )

    def facet(self, table: Table, column: Column, where: str) -> str:
        """Counts, the most frequent first."""
        name = column_name(column.name)
        order = "order by 2 desc, 1 asc nulls last"
        source = f"from {self.table(table.name)}{where}"
        if column.kind is ColumnKind.TEXTS:
            values = f"select unnest({name}) as v {source}"
            return f'select v collate "C", count(*) from ({values}) u group by 1 {order}'
        return f"select {name}, count(*) {source} group by 1 {order}"


def _query(wanted: Sequence[str]) -> str:
    return " & ".join(f"'{word}'" for word in wanted) + ":*"


def lexemes(texts: Sequence[Sequence[str]]) -> str:
    """Words of several texts as a tsvector literal: positions, and a weight for each text."""
    parts, position = [], 0
    for weight, found in zip("ABCD" + "D" * len(texts), texts, strict=False):
        for word in found:
            position = min(position + 1, 16_383)
            parts.append(f"'{word}':{position}{weight}")
    return " ".join(parts)
