"""A PostgreSQL database: connections, their settings, notifications, and its errors as ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

try:
    import asyncpg
except ModuleNotFoundError as exc:
    if exc.name != "asyncpg":
        raise
    raise ModuleNotFoundError(
        "PostgreSQL needs a driver: pip install 'twofold[postgres]'", name="asyncpg"
    ) from exc

from twofold.errors import StoreFull, StoreUnavailable

_PINNED = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off"}
_PLANNED = {"synchronous_commit": "off"}
_CHANNELS = ("twofold_log", "twofold_read", "twofold_inbox")
_SECONDS = 30.0
_UNREADABLE = (
    "its address can't be read; it is written postgresql://user:password@host:port/database, with "
    "special characters of a password percent-encoded (/ as %2F)"
)
# A connection that is made anew has to prepare everything again, in the midst of work.
# A process that was stopped within a transaction must not hold its locks until it wakes up.
_STANDSTILL_MS = 15_000
_STATEMENTS = 10_000_000


class Session(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose session is cleared up after it was in other hands only.

    Nothing that our own statements do outlives their transaction.
    """

    _lent = False

    def lend(self) -> None:
        """Somebody else's statements are coming."""
        self._lent = True

    def get_reset_query(self) -> str:
        """Sent when the connection goes back to the pool; nothing is sent if it is empty."""
        lent, self._lent = self._lent, False
        return str(super().get_reset_query()) if lent else ""


class PostgresDatabase:
    """One database, shared by the log and the read store of a process.

    The compiler for queries (``jit``) is off on all connections: its start costs more than our
    longest statement. ``pinned`` connections have one possible plan for each of the log's
    statements (index scans), because plans made while a table was empty would outlive that.
    Commits of ``planned`` connections do not wait for the disk: what a read store loses with a
    machine, rows and checkpoint together, is made again from the log, which does wait.
    """

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self.url = url
        self._size = connections
        self._users = 0
        self._pinned: Any = None
        self._planned: Any = None
        self._listening: asyncio.Task[None] | None = None
        self._channels: dict[str, asyncio.Event] = {}

    async def open(self) -> None:
        """Connect. Raises StoreUnavailable, saying why."""
        self._users += 1
        if self._users > 1:
            return
        try:
            with translated():
                self._pinned = await self._pool(_PINNED)
                self._planned = await self._pool(_PLANNED)
        except BaseException:
            self._users = 0
            raise

    async def close(self) -> None:
        """Disconnect once nobody uses it."""
        self._users = max(0, self._users - 1)
        if self._users or self._pinned is None:
            return
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        for pool in (self._pinned, self._planned):
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except (TimeoutError, OSError, asyncpg.PostgresError):
                pool.terminate()
        self._pinned = self._planned = None

    @asynccontextmanager
    async def pinned(self) -> AsyncIterator[Any]:
        """A connection for the log's statements."""
        with translated():
            async with self._pinned.acquire(timeout=_SECONDS) as connection:
                yield connection

    @asynccontextmanager
    async def planned(self) -> AsyncIterator[Any]:
        """A connection on which the planner is free, for queries of any shape."""
        with translated():
            async with self._planned.acquire(timeout=_SECONDS) as connection:
                yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Any]:
        """A connection that ends with the block, and its session's locks with it: for statements
        that may take as long as they take, and must not stand in a transaction."""
        with translated():
            connection = await asyncpg.connect(
                self.url,
                timeout=10,
                command_timeout=_SECONDS,
                server_settings={"statement_timeout": "0", "lock_timeout": "0"},
            )
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    await connection.close(timeout=5)

    def notified(self, channel: str) -> asyncio.Event:
        """An event that is set at the next notification; ask anew for the one after."""
        if channel not in self._channels:
            self._channels[channel] = asyncio.Event()
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        return self._channels[channel]

    def announce(self, channel: str) -> None:
        """Wake up whoever waits in this process."""
        waiting = self._channels.pop(channel, None)
        if waiting is not None:
            waiting.set()

    async def _pool(self, settings: dict[str, str]) -> Any:
        try:
            return await self._connected(settings)
        except ValueError:
            # The driver quotes what it can't read, and that may be a part of a password.
            raise StoreUnavailable("PostgreSQL", _UNREADABLE) from None

    async def _connected(self, settings: dict[str, str]) -> Any:
        return await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=self._size,
            init=_initialise,
            connection_class=Session,
            max_queries=_STATEMENTS,
            timeout=10,
            command_timeout=120,
            server_settings={
                "jit": "off",
                "application_name": "twofold",
                "idle_in_transaction_session_timeout": str(_STANDSTILL_MS),
                **settings,
            },
        )

    async def _listen(self) -> None:
        """One connection listens; when it breaks, waiters fall back on polling until it is back."""
        while True:
            try:
                connection = await asyncpg.connect(self.url, timeout=10)
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                try:
                    for channel in _CHANNELS:
                        await connection.add_listener(channel, lambda *told: self.announce(told[2]))
                    # What was told while nobody listened is made up for by looking once.
                    for channel in _CHANNELS:
                        self.announce(channel)
                    await lost.wait()
                finally:
                    if not connection.is_closed():
                        await connection.close(timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.5)


async def _initialise(connection: Any) -> None:
    # Documents travel as the bytes they are; PostgreSQL still checks that they are JSON.
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


_FULL = (asyncpg.DiskFullError,)
_GONE = (
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)


@contextmanager
def translated() -> Iterator[None]:
    """The driver's errors as ours, in one place."""
    try:
        yield
    except _FULL as exc:
        raise StoreFull("PostgreSQL", f"{exc}; free space and try again") from exc
    except _GONE as exc:
        raise StoreUnavailable("PostgreSQL", str(exc) or type(exc).__name__) from exc
    except (OSError, TimeoutError) as exc:
        raise StoreUnavailable("PostgreSQL", str(exc) or "it does not answer in time") from exc
