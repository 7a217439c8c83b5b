"""How many rows have the same facets, kept by triggers, so in the transaction of the rows."""

from __future__ import annotations

import sqlite3

from twofold.adapters._sql.groups import group_columns
from twofold.adapters._sql.statements import column_name, quoted
from twofold.ports.read_store import Table


def keep(connection: sqlite3.Connection, table: Table) -> None:
    """Begin to keep groups of ``table``, with the rows that are there; once."""
    names = [column_name(column.name) for column in group_columns(table)]
    known = connection.execute(
        "select 1 from sqlite_master where name = ?", (f"count_{table.name}",)
    )
    if known.fetchone() or not names:
        return
    groups, rows, listed = quoted(f"count_{table.name}"), _rows(table.name), ", ".join(names)
    connection.execute(
        f"create table {groups} (g text primary key, {listed}, n integer not null) without rowid"
    )
    connection.execute(
        f"insert into {groups} select json_array({listed}), {listed}, count(*) from {rows} "
        f"group by {listed}"
    )
    new, old = (", ".join(f"{which}.{name}" for name in names) for which in ("new", "old"))
    more = (
        f"insert into {groups} values (json_array({new}), {new}, 1) "
        "on conflict (g) do update set n = n + 1;"
    )
    less = f"update {groups} set n = n - 1 where g = json_array({old});"
    changed = " or ".join(f"old.{name} is not new.{name}" for name in names)
    for suffix, event, body in (
        ("added", f"after insert on {rows}", more),
        ("gone", f"after delete on {rows}", less),
        ("changed", f"after update of {listed} on {rows} when {changed}", less + more),
    ):
        trigger = quoted(f"count_{table.name}_{suffix}")
        connection.execute(f"create trigger {trigger} {event} begin {body} end")


def forget(connection: sqlite3.Connection, table: str) -> None:
    """Groups that no row is in are of no use after a table was emptied."""
    known = connection.execute("select 1 from sqlite_master where name = ?", (f"count_{table}",))
    if known.fetchone():
        connection.execute(f"delete from {quoted(f'count_{table}')}")


def _rows(table: str) -> str:
    return quoted(f"read_{table}")
