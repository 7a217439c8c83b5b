"""How many rows have the same facets, kept by triggers, so in the transaction of the rows."""

from __future__ import annotations

from typing import Any

from twofold.adapters._sql.groups import group_columns
from twofold.adapters._sql.statements import column_name, quoted
from twofold.adapters.postgres.dialect import TYPES, PostgresDialect
from twofold.ports.read_store import ColumnKind, Table

# Once for each statement, with all its rows at once.
_FUNCTION = """
create function {groups}() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into {groups} as k (g, {listed}, n)
        select row({listed})::text, {listed}, count(*) from added group by {listed} order by 1
        on conflict (g) do update set n = k.n + excluded.n;
    elsif tg_op = 'DELETE' then
        insert into {groups} as k (g, {listed}, n)
        select row({listed})::text, {listed}, -count(*) from gone group by {listed} order by 1
        on conflict (g) do update set n = k.n + excluded.n;
    else
        insert into {groups} as k (g, {listed}, n)
        select row({listed})::text, {listed}, sum(d) from (
            select {listed}, 1 as d from added union all select {listed}, -1 from gone
        ) moved group by {listed} having sum(d) <> 0 order by 1
        on conflict (g) do update set n = k.n + excluded.n;
    end if;
    return null;
end
$$
"""
_EVENTS = {
    "insert": "new table as added",
    "delete": "old table as gone",
    "update": "new table as added old table as gone",
}


async def keep(connection: Any, table: Table) -> None:
    """Begin to keep groups of ``table``, with the rows that are there; once."""
    groups, rows = PostgresDialect().groups(table.name), PostgresDialect().table(table.name)
    names = [column_name(column.name) for column in group_columns(table)]
    if not names or await connection.fetchval("select to_regclass($1)", groups):
        return
    listed = ", ".join(names)
    typed = ", ".join(
        f"{column_name(column.name)} {TYPES[column.kind]}"
        + (' collate "C"' if column.kind is ColumnKind.TEXT else "")
        for column in group_columns(table)
    )
    await connection.execute(
        f'create table {groups} (g text collate "C" primary key, {typed}, n bigint not null) '
        "with (fillfactor = 50)"
    )
    await connection.execute(
        f"insert into {groups} select row({listed})::text, {listed}, count(*) from {rows} "
        f"group by {listed}"
    )
    await connection.execute(_FUNCTION.format(groups=groups, listed=listed))
    for event, seen in _EVENTS.items():
        trigger = quoted(f"$count_{event}")
        await connection.execute(
            f"create trigger {trigger} after {event} on {rows} referencing {seen} "
            f"for each statement execute function {groups}()"
        )


async def forget(connection: Any, table: str) -> None:
    """Groups that no row is in are of no use after a table was emptied."""
    groups = PostgresDialect().groups(table)
    if await connection.fetchval("select to_regclass($1)", groups):
        await connection.execute(f"delete from {groups}")


async def drop(connection: Any, table: str) -> None:
    """Remove the groups, after the table."""
    groups = PostgresDialect().groups(table)
    await connection.execute(f"drop table if exists {groups}")
    await connection.execute(f"drop function if exists {groups}()")
