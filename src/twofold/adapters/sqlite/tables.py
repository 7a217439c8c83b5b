"""The tables of read models on SQLite."""

from __future__ import annotations

import sqlite3

import msgspec

from twofold.adapters._sql.statements import column_name, indexes, quoted
from twofold.adapters.sqlite import groups
from twofold.errors import ShapeChanged
from twofold.ports.read_store import ColumnKind, Table, owner_of

_TYPES = {
    ColumnKind.TEXT: "text",
    ColumnKind.INTEGER: "integer",
    ColumnKind.DECIMAL: "integer",
    ColumnKind.BOOLEAN: "integer",
    ColumnKind.TIME: "integer",
    ColumnKind.DATE: "text",
    ColumnKind.TEXTS: "text",
}


def prepare(connection: sqlite3.Connection, tables: list[Table]) -> None:
    """Create what is missing, in a transaction. Raises ShapeChanged."""
    connection.execute(
        "create table if not exists twofold_checkpoint (projection text primary key, "
        "position integer not null, time_us integer not null, epoch text not null, "
        "fingerprint text not null, parts text not null default '', "
        "served_from integer not null default 0, parked integer not null default 0, "
        "mended integer not null default 0, chosen_us integer not null default 0) without rowid"
    )
    names = {row[1] for row in connection.execute("pragma table_info(twofold_checkpoint)")}
    if "parts" not in names:
        connection.execute(
            "alter table twofold_checkpoint add column parts text not null default ''"
        )
    for added in {"served_from", "parked", "mended", "chosen_us"} - names:
        connection.execute(
            f"alter table twofold_checkpoint add column {added} integer not null default 0"
        )
    connection.execute(
        "create table if not exists twofold_read_model (name text primary key, shape text)"
    )
    known = dict(connection.execute("select name, shape from twofold_read_model"))
    for table in tables:
        shape = msgspec.json.encode(table).decode()
        if table.name not in known:
            _create(connection, table)
            connection.execute("insert into twofold_read_model values (?, ?)", (table.name, shape))
        elif known[table.name] != shape:
            raise ShapeChanged(table.name)
        groups.keep(connection, table)


def _create(connection: sqlite3.Connection, table: Table) -> None:
    name = quoted(f"read_{table.name}")
    single = [c for c in table.columns if c.kind is not ColumnKind.TEXTS]
    columns = ["key text not null unique", "position integer not null"]
    columns += [f"{column_name(c.name)} {_TYPES[c.kind]}" for c in table.columns]
    columns += [f"t_{i} text not null" for i in range(len(table.texts))]
    # The document comes last: counting and filtering then never read its pages.
    columns.append("document blob not null")
    connection.execute(f"create table {name} ({', '.join(columns)})")
    for label, indexed in indexes(table, texts=True).items():
        index = quoted(f"read_{table.name}_{label}")
        connection.execute(f"create index {index} on {name} ({', '.join(indexed)}, key)")
    if len(single) != len(table.columns):
        many = quoted(f"many_{table.name}")
        connection.execute(
            f"create table {many} (name text, value text, key text, "
            "primary key (name, value, key)) without rowid"
        )
        connection.execute(f"create index {quoted(f'many_{table.name}_key')} on {many} (key)")
    if table.texts:
        _create_text(connection, table)


def _create_text(connection: sqlite3.Connection, table: Table) -> None:
    """An index over the texts that the row has anyway; triggers touch it only when they change."""
    main, text = quoted(f"read_{table.name}"), quoted(f"text_{table.name}")
    names = [f"t_{i}" for i in range(len(table.texts))]
    listed = ", ".join(names)
    connection.execute(
        f"create virtual table {text} using fts5({listed}, content={main}, "
        "content_rowid='rowid', prefix='2 3')"
    )
    old = f"insert into {text}({text}, rowid, {listed}) values ('delete', old.rowid, " + (
        ", ".join(f"old.{n}" for n in names) + ");"
    )
    new = f"insert into {text}(rowid, {listed}) values (new.rowid, " + (
        ", ".join(f"new.{n}" for n in names) + ");"
    )
    changed = " or ".join(f"old.{n} is not new.{n}" for n in names)
    for suffix, event, body in (
        ("added", "after insert", new),
        ("gone", "after delete", old),
        ("changed", f"after update of {listed}", old + new),
    ):
        when = f" when {changed}" if suffix == "changed" else ""
        trigger = quoted(f"text_{table.name}_{suffix}")
        connection.execute(f"create trigger {trigger} {event} on {main}{when} begin {body} end")


def drop(connection: sqlite3.Connection, table: str) -> None:
    """Remove a read model's tables, what belongs to them, and its checkpoint."""
    for name in (table, *_belongings(connection, table)):
        for prefix in ("text", "many", "read", "count"):
            connection.execute(f"drop table if exists {quoted(f'{prefix}_{name}')}")
        connection.execute("delete from twofold_read_model where name = ?", (name,))
    connection.execute("delete from twofold_checkpoint where projection = ?", (table,))


def _belongings(connection: sqlite3.Connection, table: str) -> list[str]:
    names = [row[0] for row in connection.execute("select name from twofold_read_model")]
    return [name for name in names if name != table and owner_of(name) == table]


def clear(connection: sqlite3.Connection, table: Table, projection: str) -> None:
    """Empty a read model and what belongs to it, and forget its checkpoint."""
    for name in (table.name, *_belongings(connection, table.name)):
        connection.execute(f"delete from {quoted(f'read_{name}')}")
    groups.forget(connection, table.name)
    if any(column.kind is ColumnKind.TEXTS for column in table.columns):
        connection.execute(f"delete from {quoted(f'many_{table.name}')}")
    connection.execute("delete from twofold_checkpoint where projection = ?", (projection,))
