"""A SQLite file: one thread that writes, connections that read.

SQLite has one writer at a time, so all writing goes through one thread and one connection. Point
reads by primary key run directly in the event loop: with the pages in memory they take some ten
microseconds, less than handing them to a thread would cost. Everything else is read in threads.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from twofold.adapters.sqlite.turns import Turns
from twofold.errors import StoreFull, StoreUnavailable

T = TypeVar("T")
_READERS = 3
_BUSY_MS = 10_000


class SqliteDatabase:
    """One file, shared by the log and the read store of a process; ``synchronous`` FULL or NORMAL.

    ``open`` and ``close`` count: the file is closed when everybody who opened it has closed it.
    """

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        self.path = path
        self._synchronous = synchronous
        self._lasting = True
        self._users = 0
        self._order = asyncio.Lock()
        self.turns = Turns(path, _BUSY_MS)

    async def open(self) -> None:
        """Open or make the file. Raises StoreUnavailable, saying what is wrong with it."""
        self._users += 1
        if self._users > 1:
            return
        try:
            with translated(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                writing, self._lasting = self._connect(), True
                self.reading = self._connect(reading=True)
        except BaseException:
            self._users = 0
            raise
        self._writer = _Thread("twofold-sqlite-writer", writing)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(_READERS, "twofold-sqlite-reader")

    async def close(self) -> None:
        """Close the connections once nobody uses them."""
        self._users = max(0, self._users - 1)
        if self._users or not hasattr(self, "_writer"):
            return
        await self._writer.end()
        self.turns.end()
        self._pool.shutdown(wait=True)
        for connection in (*self._connections, self.reading):
            connection.close()
        del self._writer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """A write transaction; commits at the end of the block, rolls back if it raises."""
        transaction = SqliteTransaction(self, self._order)
        try:
            yield transaction
            await transaction.end("commit")
        except BaseException:
            await asyncio.shield(transaction.end("rollback"))
            raise

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the writer thread."""
        with translated(self.path):
            return await self._writer.run(work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a reader thread, on a connection of its own."""
        with translated(self.path):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, lambda: work(self._mine()))

    def begin(self, connection: sqlite3.Connection, *, lasting: bool) -> None:
        """Begin a transaction, in the writer thread; see ``SqliteTransaction`` for ``lasting``."""
        if lasting is not self._lasting:
            wanted = self._synchronous if lasting else "NORMAL"
            connection.execute(f"pragma synchronous = {wanted}")
            self._lasting = lasting
        self.turns.begin(connection)

    def _mine(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect(reading=True)
            self._connections.append(self._local.connection)
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _connect(self, *, reading: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        try:
            connection.execute(f"pragma busy_timeout = {_BUSY_MS}")
            connection.execute("pragma journal_mode = wal")
            connection.execute(f"pragma synchronous = {self._synchronous}")
            connection.execute("pragma cache_size = -65536")
            connection.execute("pragma temp_store = memory")
            connection.execute("pragma mmap_size = 268435456")
            connection.execute(f"pragma query_only = {int(reading)}")
            # Opening alone reads nothing; this finds a file that is no database.
            connection.execute("select count(*) from sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection


class SqliteTransaction:
    """A write transaction that begins with the first piece of work that can't wait.

    With ``lasting`` False a failure of the power may take it back, unless something that lasts was
    committed since; it never takes back a part of it.
    """

    def __init__(self, database: SqliteDatabase, order: asyncio.Lock) -> None:
        self.database = database
        self.lasting = True
        self._order = order
        self._entering = asyncio.Lock()
        self._deferred: list[Callable[[sqlite3.Connection], object]] = []
        self._entered = False
        self._ended = False
        self._begun = False

    @property
    def entered(self) -> bool:
        """Whether it keeps others from writing, or is about to."""
        return self._entered

    def defer(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Run ``work`` in the writer thread, before whatever is run next or commits."""
        self._check()
        self._deferred.append(work)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the writer thread, within this transaction."""
        self._check()
        if not self._entered:
            await self._enter()

        def begun(connection: sqlite3.Connection) -> T:
            self._go_on(connection)
            return work(connection)

        return await self.database.write(begun)

    async def end(self, how: str) -> None:
        """Commit or roll back, once; whatever happens, the connection is free afterwards."""
        if self._ended:
            return
        self._ended = True
        try:
            if how == "commit" and self._deferred:
                await self._enter()
            if self._entered:
                await self.database.write(lambda connection: self._finish(connection, how))
        finally:
            if self._entered:
                self._order.release()

    def _check(self) -> None:
        if self._ended:
            raise StoreUnavailable("SQLite", "this transaction has ended")

    async def _enter(self) -> None:
        # Several pieces of work may come at once, and the first of them enters for all.
        async with self._entering:
            if not self._entered:
                await self._order.acquire()
                self._entered = True

    def _go_on(self, connection: sqlite3.Connection) -> None:
        """Begin, or see that it is still there, and do what was deferred."""
        # Only the writer thread knows whether it has begun: a cancelled caller does not.
        if not self._begun:
            self.database.begin(connection, lasting=self.lasting)
            self._begun = True
        elif not connection.in_transaction:
            raise _rolled_back()
        deferred, self._deferred = self._deferred, []
        try:
            for work in deferred:
                work(connection)
        except BaseException:
            # Whoever deferred it does not hear of it, so nothing else may stay either.
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def _finish(self, connection: sqlite3.Connection, how: str) -> None:
        try:
            if how == "commit" and (self._begun or self._deferred):
                # A failed statement (a full disk) may have rolled back by itself.
                self._go_on(connection)
                connection.execute("commit")
        finally:
            if connection.in_transaction:
                connection.execute("rollback")


def _rolled_back() -> StoreUnavailable:
    return StoreUnavailable("SQLite", "the transaction was rolled back when a statement failed")


class _Thread:
    """Runs pieces of work one after another on its own connection."""

    def __init__(self, name: str, connection: sqlite3.Connection) -> None:
        self._work: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._connection = connection
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of ``work``, or its exception. It runs even if the caller is cancelled."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._work.put((work, loop, future))
        return await asyncio.shield(future)

    async def end(self) -> None:
        """Finish what is queued and end."""
        self._work.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            work, loop, future = item
            try:
                result, error = work(self._connection), None
            except BaseException as exc:
                result, error = None, exc
            # A loop that was closed meanwhile has nobody left who waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, future, result, error)
        self._connection.close()


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
        # The caller may have gone; its error is not worth a warning then.
        future.exception()


# SQLite's primary result codes; whatever else it reports is a mistake in a statement.
_GONE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_NOTADB,
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, in one place."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        why = f"{path}: {exc}"
        if code == sqlite3.SQLITE_FULL:
            raise StoreFull("SQLite", f"{why}; free space and try again") from exc
        if code in _GONE:
            raise StoreUnavailable("SQLite", why) from exc
        raise
    except OSError as exc:
        raise StoreUnavailable("SQLite", f"{path}: {exc}") from exc
