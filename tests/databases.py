"""Fresh databases on servers that tests share."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4


async def new_postgres(server: str) -> str:
    """The address of a new database."""
    import asyncpg

    name = f"test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"create database {name}")
    finally:
        await connection.close()
    return f"{server.rpartition('/')[0]}/{name}"


def new_mongodb(server: str) -> str:
    """The address of a database that begins to exist when it is written to."""
    return urlunsplit(urlsplit(server)._replace(path=f"/test_{uuid4().hex[:12]}"))


async def drop_mongodb(address: str) -> None:
    """Remove a database."""
    from pymongo import AsyncMongoClient

    async with AsyncMongoClient(address) as client:
        await client.drop_database(urlsplit(address).path.strip("/"))
