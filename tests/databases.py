"""Fresh databases on servers that tests share."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

_given_back: dict[str, list[str]] = {}

_EMPTY = """
do $$
declare
    schema_name text;
begin
    perform pg_terminate_backend(pid, 10000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid();
    for schema_name in select nspname from pg_namespace
        where nspname !~ '^pg_' and nspname <> 'information_schema'
    loop
        execute format('drop schema %I cascade', schema_name);
    end loop;
    create schema public;
end
$$
"""


async def new_postgres(server: str) -> str:
    """The address of an empty database: one that was given back, or else a new one.

    To empty one takes a tenth of the time, and the server looks after each that it has.
    """
    import asyncpg

    address = _given_back[server].pop() if _given_back.get(server) else None
    name = f"test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(address or server)
    try:
        await connection.execute(_EMPTY if address else f"create database {name}")
    finally:
        await connection.close()
    return address or f"{server.rpartition('/')[0]}/{name}"


def give_back_postgres(server: str, address: str) -> None:
    """Whoever comes next may have it."""
    _given_back.setdefault(server, []).append(address)


def new_mongodb(server: str) -> str:
    """The address of a database that begins to exist when it is written to."""
    return urlunsplit(urlsplit(server)._replace(path=f"/test_{uuid4().hex[:12]}"))


async def drop_mongodb(address: str) -> None:
    """Remove a database."""
    from pymongo import AsyncMongoClient

    async with AsyncMongoClient(address) as client:
        await client.drop_database(urlsplit(address).path.strip("/"))
