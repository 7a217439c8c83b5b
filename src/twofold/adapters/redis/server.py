"""A Redis server: connections, commands sent together, and its errors as ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

try:
    import hiredis
    from redis import exceptions as redis_errors
    from redis.asyncio import BlockingConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
except ModuleNotFoundError as exc:
    if exc.name not in ("redis", "hiredis"):
        raise
    raise ModuleNotFoundError(
        "Redis needs a driver: pip install 'twofold[redis]'", name=exc.name
    ) from exc

from twofold.adapters._url_options import place
from twofold.errors import BrokerUnavailable, BrokerUnsuitable

Command: TypeAlias = tuple[bytes | str | int, ...]
_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
_PORT = 6379
_CONNECTIONS = 8


class RedisServer:
    """The server at ``url``. Connections are made when they are needed."""

    def __init__(self, url: str) -> None:
        self.name = f"Redis at {place(url, _PORT)}"
        # A lost connection is told at once: what to do about it is for whoever called.
        self._pool: Any = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers to ``commands``, sent together. Raises BrokerUnavailable, BrokerUnsuitable.

        Text is answered as bytes.
        """
        with self.translated():
            async with self._lent() as connection:
                return await answers(connection, commands)

    async def in_one(self, commands: Sequence[Command], *then: Command) -> list[Any]:
        """Do all ``commands`` or none, with nothing in between; the answers to those in ``then``.

        Raises BrokerUnavailable, BrokerUnsuitable.
        """
        together = [("MULTI",), *commands, ("EXEC",), *then]
        with self.translated():
            async with self._lent() as connection:
                found = await answers(connection, together)
        for answer in found[len(commands) + 1]:
            self._check(answer)
        return found[len(commands) + 2 :]

    def own_connection(self) -> Any:
        """A connection for somebody who waits on it; not connected yet."""
        return self._pool.make_connection()

    async def close(self) -> None:
        """Disconnect; what is asked later connects again."""
        await self._pool.disconnect()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """The driver's errors as ours, in one place."""
        try:
            yield
        except redis_errors.NoPermissionError as exc:
            why = f"{exc}; the commands needed are listed in Twofold's reference"
            raise BrokerUnsuitable(self.name, why) from exc
        except redis_errors.AuthenticationError as exc:
            raise BrokerUnavailable(self.name, f"wrong credentials: {exc}") from exc
        except redis_errors.RedisError as exc:
            raise BrokerUnavailable(self.name, _reason(exc)) from exc
        except (OSError, TimeoutError) as exc:
            raise BrokerUnavailable(self.name, str(exc) or "it does not answer in time") from exc

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Any]:
        connection = await self._pool.get_connection()
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    def _check(self, answer: object) -> None:
        if isinstance(answer, Exception):
            with self.translated():
                raise answer


async def answers(connection: Any, commands: Sequence[Command]) -> list[Any]:
    """Send ``commands`` together and read all answers; raises the first that is an error.

    A connection whose answers were not all read is closed.
    """
    packed = b"".join(_pack(command) for command in commands)
    try:
        await connection.send_packed_command(packed, check_health=False)
        found, failures = [], []
        for _ in commands:
            try:
                found.append(await connection.read_response())
            except redis_errors.ResponseError as exc:
                failures.append(exc)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    if failures:
        raise failures[0]
    return found


def _reason(exc: Exception) -> str:
    if isinstance(exc, redis_errors.ReadOnlyError):
        return f"{exc} Name the primary"
    if isinstance(exc, redis_errors.OutOfMemoryError):
        return f"{exc} Give it more memory, or keep fewer messages"
    return str(exc) or "it does not answer in time"
