"""A MongoDB database: the client, its limits in time, and its errors as ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

try:
    import pymongo
except ModuleNotFoundError as exc:
    if exc.name != "pymongo":
        raise
    raise ModuleNotFoundError(
        "MongoDB needs a driver: pip install 'twofold[mongodb]'", name="pymongo"
    ) from exc

from pymongo import AsyncMongoClient, ReadPreference
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError, WTimeoutError
from pymongo.write_concern import WriteConcern

from twofold.errors import StoreFull, StoreUnavailable

Document: TypeAlias = dict[str, Any]
Collection: TypeAlias = AsyncCollection[Document]

CONTROL, JOURNAL, MODEL = "twofold_control", "twofold_journal", "twofold_model"
DUPLICATE = 11000
_AUTHENTICATION, _NOT_ALLOWED, _OUT_OF_DISK, _OVER_QUOTA = 18, 13, 14031, 8000
# Unless the address says otherwise. The driver's own limit to connect (20 s) is left, because it is
# that of its heartbeats as well: one that a busy process answers late would cost all connections.
_LIMITS = {
    "serverSelectionTimeoutMS": 5_000,
    "socketTimeoutMS": 30_000,
    "waitQueueTimeoutMS": 10_000,
}
_WRITTEN = WriteConcern("majority", wtimeout=20_000)


class MongoDatabase:
    """One database of one client.

    Everything is read from the primary and written to a majority, whatever the address says: a
    checkpoint must not be seen without its rows. ``name`` is used where the address names none.
    """

    def __init__(self, url: str, name: str = "twofold") -> None:
        self._url = url
        self._name = name
        self._client: AsyncMongoClient[Document] | None = None
        self._database: AsyncDatabase[Document] | None = None

    async def open(self) -> None:
        """Connect. Raises StoreUnavailable, saying why."""
        with translated():
            self._client = _client(self._url)
            self._database = self._client.get_default_database(
                self._name, read_preference=ReadPreference.PRIMARY, write_concern=_WRITTEN
            )
            try:
                await self._database.command("ping")
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Disconnect; safe to call twice."""
        client, self._client, self._database = self._client, None, None
        if client is not None:
            await client.close()

    @property
    def connection(self) -> AsyncDatabase[Document]:
        """The driver's own database. Raises StoreUnavailable when it is not open."""
        if self._database is None:
            raise StoreUnavailable("MongoDB", "it is not open")
        return self._database

    def collection(self, name: str) -> Collection:
        """One of Twofold's own collections."""
        return self.connection[name]

    def rows(self, table: str) -> Collection:
        """The collection of a read model."""
        return self.connection[rows_name(table)]


def rows_name(table: str) -> str:
    """The name of a read model's collection."""
    return f"read_{table}"


def _client(url: str) -> AsyncMongoClient[Document]:
    given = {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}
    limits: dict[str, Any] = {n: value for n, value in _LIMITS.items() if n.lower() not in given}
    try:
        return AsyncMongoClient(url, appname="twofold", **limits)
    except ValueError as exc:
        raise StoreUnavailable("MongoDB", f"its address can't be read: {exc}") from exc


@contextmanager
def translated() -> Iterator[None]:
    """The driver's errors as ours, in one place, and cancellations that it swallows."""
    task = _current_task()
    asked = task.cancelling() if task else 0
    try:
        yield
    except OperationFailure as exc:
        raise _operation(exc) from exc
    except PyMongoError as exc:
        raise StoreUnavailable("MongoDB", _short(exc)) from exc
    except (OSError, TimeoutError) as exc:
        raise StoreUnavailable("MongoDB", str(exc) or "it does not answer in time") from exc
    finally:
        # Who was cancelled during a call may get its answer, or another error, instead.
        if task is not None and task.cancelling() > asked:
            raise asyncio.CancelledError


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        # Outside of any loop nobody cancels.
        return None


def _operation(exc: OperationFailure) -> StoreUnavailable:
    why = _short(exc)
    codes = {exc.code, *(error.get("code") for error in (exc.details or {}).get("writeErrors", ()))}
    if _AUTHENTICATION in codes:
        return StoreUnavailable("MongoDB", f"it refuses the name or the password: {why}")
    if _NOT_ALLOWED in codes:
        return StoreUnavailable("MongoDB", f"this user may not do that: {why}")
    if codes & {_OUT_OF_DISK, _OVER_QUOTA}:
        return StoreFull("MongoDB", f"{why}; free space and try again")
    if isinstance(exc, WTimeoutError):
        return StoreUnavailable("MongoDB", f"no majority confirms what is written: {why}")
    return StoreUnavailable("MongoDB", why)


def _short(exc: PyMongoError) -> str:
    """The reason without the description of the whole cluster that the driver adds."""
    return str(exc).partition(", Timeout:")[0].partition(", full error:")[0] or type(exc).__name__


__all__ = [
    "CONTROL",
    "DUPLICATE",
    "JOURNAL",
    "MODEL",
    "Collection",
    "Document",
    "MongoDatabase",
    "pymongo",
    "rows_name",
    "translated",
]
