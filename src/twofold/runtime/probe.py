"""A question to a store or broker whose answer is not waited for longer than a probe may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from twofold.errors import TwofoldError

LIMIT_SECONDS = 5.0


class Probe:
    """Asks by ``ask``, which raises if something is wrong.

    A question that has not been answered yet is not asked a second time, and goes on when nobody
    waits any more: drivers are not cancelled in the middle of a conversation.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        self._ask = ask
        self._asking: asyncio.Future[None] | None = None

    async def why(self) -> str:
        """What is wrong, "" if nothing is; takes ``LIMIT_SECONDS`` at most."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
        done, _ = await asyncio.wait({self._asking}, timeout=LIMIT_SECONDS)
        if not done:
            return f"no answer within {LIMIT_SECONDS:g} s"
        error = self._asking.exception()
        if error is None:
            return ""
        return str(error) if isinstance(error, TwofoldError) else f"{type(error).__name__}: {error}"

    async def close(self) -> None:
        """Give up what is not answered."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
