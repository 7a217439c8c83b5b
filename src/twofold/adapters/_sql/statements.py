"""The SQL of read stores, said once; what databases say differently is in their ``Dialect``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twofold.adapters._columns import column_of, indexed
from twofold.adapters._sql.groups import LONGEST, beyond_facets
from twofold.adapters._text import words
from twofold.ports.read_store import Column, ColumnKind, Condition, Scalar, Select, Sums, Table


class Values:
    """The values of a statement; adding one answers its placeholder."""

    def __init__(self, dialect: Dialect) -> None:
        self.list: list[Any] = []
        self._dialect = dialect

    def add(self, value: Any) -> str:
        """The placeholder of ``value``, which is as the driver wants it."""
        self.list.append(value)
        return self._dialect.placeholder(len(self.list))

    def scalar(self, kind: ColumnKind, value: Scalar) -> str:
        """The placeholder of a column's value."""
        return self.add(self._dialect.to_driver(kind, value))


class Dialect(Protocol):
    """What differs between databases."""

    def placeholder(self, number: int) -> str:
        """How the n-th value (from 1) is referred to."""

    def to_driver(self, kind: ColumnKind, value: Any) -> Any:
        """A column's value as the driver takes it."""

    def from_driver(self, kind: ColumnKind, value: Any) -> Any:
        """A column's value as the port has it."""

    def table(self, name: str) -> str:
        """The quoted name of a read model's table."""

    def groups(self, name: str) -> str:
        """The quoted name of the table of a read model's groups."""

    def any_of(
        self,
        table: Table,
        column: Column,
        values: Sequence[Any],
        into: Values,
        *,
        narrowed: bool = False,
    ) -> str:
        """A condition: the column equals (or contains) one of the values; none is None.

        ``narrowed``: another condition goes through an index that carries this column.
        """

    def has_words(self, table: Table, wanted: Sequence[str], into: Values) -> str:
        """A condition: the row's texts have all words, the last one as a prefix."""

    def ranked(self, table: Table, wanted: Sequence[str], into: Values) -> tuple[str, str]:
        """Where rows come from, and an expression there that is larger for better hits."""

    def state(self, name: str) -> str:
        """A statement for the state of a table's checkpoint; ``name`` is its placeholder."""

    def facet(self, table: Table, column: Column, where: str) -> str:
        """A statement that counts the column's values as (value, count)."""


def quoted(name: str) -> str:
    """An identifier of ours in SQL."""
    return '"' + name.replace('"', '""') + '"'


def column_name(column: str) -> str:
    """The column that holds a declared field; the prefix keeps clear of our own columns."""
    return quoted(f"c_{column}")


def indexes(table: Table, *, texts: bool = False) -> dict[str, list[str]]:
    """``indexed`` with the names of columns as SQL has them."""
    found = indexed(table, texts=texts)
    return {name: [column_name(c.name) for c in columns] for name, columns in found.items()}


def where(
    dialect: Dialect,
    table: Table,
    conditions: Sequence[Condition],
    text: str,
    into: Values,
    grouped: Column | None = None,
) -> str:
    """A where clause, " where …" or "", for all rows or for those counted by a facet."""
    without = grouped.name if grouped else ""
    counted = [c for c in conditions if c.column != without]
    through = [column_of(table, c.column) for c in counted if c.test == "any_of"]
    # A facet's own index has its values in order, and all that is looked at.
    narrowed = any(c.facet and c.kind is not ColumnKind.TEXTS for c in (*through, grouped) if c)
    parts = [_condition(dialect, table, c, into, narrowed) for c in counted]
    if text.strip():
        wanted = words(text)
        parts.append(dialect.has_words(table, wanted, into) if wanted else "1 = 0")
    return " where " + " and ".join(parts) if parts else ""


def _condition(
    dialect: Dialect, table: Table, condition: Condition, into: Values, narrowed: bool
) -> str:
    column = column_of(table, condition.column)
    name = column_name(column.name)
    if condition.test == "any_of":
        given = [dialect.to_driver(column.kind, v) for v in condition.values if v is not None]
        parts = [dialect.any_of(table, column, given, into, narrowed=narrowed)] if given else []
        if None in condition.values:
            parts.append(f"{name} is null")
        return "(" + (" or ".join(parts) or "1 = 0") + ")"
    sign = {"at_least": ">=", "at_most": "<=", "below": "<"}[condition.test]
    return f"{name} {sign} {into.scalar(column.kind, condition.values[0])}"


def page(dialect: Dialect, table: Table, select: Select) -> tuple[str, list[Any]]:
    """The statement for one page and one row more: key, document, sort value, the table's state.

    Rows are chosen and sorted first, within an index where one has all that takes; then only the
    documents of the page are read.
    """
    into = Values(dialect)
    clause = where(dialect, table, select.where, select.text, into)
    source, value, order = dialect.table(table.name), "null", "{key}"
    if select.sort is not None:
        value, order = _order(*select.sort)
    elif select.text.strip() and words(select.text):
        source, value = dialect.ranked(table, words(select.text), into)
        order = "{value} desc, {key}"
    if select.after is not None:
        beyond = _beyond(dialect, table, select, into)
        clause += (" and " if clause else " where ") + beyond
    chosen = f"select key as k, {value} as v from {source}{clause} "
    chosen += f"order by {order.format(value=value, key='key')} limit {into.add(select.limit + 1)}"
    if select.offset:
        chosen += f" offset {into.add(select.offset)}"
    sql = (
        f"select d.key, d.document, c.v, ({dialect.state(into.add(table.name))}) "
        f"from ({chosen}) c join {dialect.table(table.name)} d "
        f"on d.key = c.k order by {order.format(value='c.v', key='c.k')}"
    )
    return sql, into.list


def state(dialect: Dialect, table: Table) -> tuple[str, list[Any]]:
    """What the checkpoint of ``table`` says, for pages without a row to tell it."""
    into = Values(dialect)
    return dialect.state(into.add(table.name)), into.list


def _order(column: str, descending: bool) -> tuple[str, str]:
    # None counts as larger than every value, in both directions. Keys follow the direction, so
    # that an index over column and key is in order both ways.
    how = "{value} desc nulls first, {key} desc" if descending else "{value} asc nulls last, {key}"
    return column_name(column), how


def _beyond(dialect: Dialect, table: Table, select: Select, into: Values) -> str:
    assert select.after is not None
    value, key = select.after
    if select.sort is None:
        return f"key > {into.add(key)}"
    column, descending = select.sort
    name, kind = column_name(column), column_of(table, column).kind
    sign = "<" if descending else ">"
    if value is None:
        same = f"({name} is null and key {sign} {into.add(key)})"
        return f"({same} or {name} is not null)" if descending else same
    placed = into.scalar(kind, value)
    same = f"({name} = {placed} and key {sign} {into.add(key)})"
    further = f"{name} < {placed}" if descending else f"({name} > {placed} or {name} is null)"
    return f"({further} or {same})"


def total(dialect: Dialect, table: Table, select: Select) -> tuple[str, list[Any]]:
    """How many rows there are in all."""
    into = Values(dialect)
    clause = where(dialect, table, select.where, select.text, into)
    return f"select count(*) from {dialect.table(table.name)}{clause}", into.list


def many_groups(dialect: Dialect, table: Table) -> str:
    """Whether there are more groups than are worth adding up."""
    some = f"select 1 from {dialect.groups(table.name)} limit {LONGEST + 1}"
    return f"select count(*) > {LONGEST} from ({some}) g"


def groups(dialect: Dialect, table: Table, select: Select) -> tuple[str, list[Any]]:
    """The facets' values and how many rows have them, whatever the limits on those facets are."""
    into = Values(dialect)
    parts = [_condition(dialect, table, c, into, narrowed=True) for c in beyond_facets(select)]
    clause = " where " + " and ".join(parts) if parts else ""
    source = f"from {dialect.groups(table.name)}{clause}"
    if not select.facets:
        return f"select coalesce(sum(n), 0) {source}", into.list
    names = ", ".join(column_name(name) for name in select.facets)
    return f"select {names}, sum(n) {source} group by {names} having sum(n) > 0", into.list


def facet(dialect: Dialect, table: Table, select: Select, name: str) -> tuple[str, list[Any]]:
    """Counts per value; the condition on the facet itself is left out."""
    into = Values(dialect)
    column = column_of(table, name)
    clause = where(dialect, table, select.where, select.text, into, grouped=column)
    return dialect.facet(table, column, clause), into.list


def sums(dialect: Dialect, table: Table, wanted: Sums) -> tuple[str, list[Any]]:
    """Measures added up per value."""
    into = Values(dialect)
    clause = where(dialect, table, wanted.where, "", into)
    measures = [f"coalesce(sum({column_name(name)}), 0)" for name in wanted.measures]
    value = column_name(wanted.by) if wanted.by else "null"
    sql = f"select {value}, {', '.join(measures)} from {dialect.table(table.name)}{clause}"
    if wanted.by:
        sql += f" group by {value}"
    else:
        sql += " having count(*) > 0"
    if wanted.by:
        sql += " order by " + ("2 desc, " if wanted.largest_first else "") + "1 asc nulls last"
    if wanted.limit is not None:
        sql += f" limit {into.add(wanted.limit)}"
    return sql, into.list
