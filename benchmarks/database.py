"""Databases for one measurement."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from pymongo import AsyncMongoClient


@asynccontextmanager
async def fresh_database(address: str) -> AsyncIterator[str]:
    """The address of a new, empty database on the server at ``address``, dropped afterwards."""
    name = f"benchmark_{uuid.uuid4().hex[:12]}"
    await _execute(address, f"create database {name}")
    try:
        yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
    finally:
        await _execute(address, f"drop database {name} with (force)")


@asynccontextmanager
async def fresh_mongodb(address: str) -> AsyncIterator[str]:
    """The same on a MongoDB server."""
    name = f"benchmark_{uuid.uuid4().hex[:12]}"
    yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
    async with AsyncMongoClient[dict[str, Any]](address) as client:
        await client.drop_database(name)


async def _execute(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
