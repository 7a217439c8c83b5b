"""Conversations with servers that may never come to an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


class Talking:
    """One conversation at a time, given up after ``seconds``.

    Who answers a byte now and then keeps the thread for as long as it likes. So it is none of those
    that the whole process shares, there is never a second one, and nobody waits for it at the end.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self._held: Future[None] | None = None

    async def hold(self, conversation: Callable[[], None]) -> None:
        """Raises what ``conversation`` raises, or TimeoutError if it, or one before, goes on."""
        if self._held is not None and not self._held.done():
            raise TimeoutError
        self._held = outcome = Future[None]()
        outcome.set_running_or_notify_cancel()
        threading.Thread(
            target=_hold, args=(conversation, outcome), name=self._name, daemon=True
        ).start()
        async with asyncio.timeout(self._seconds):
            await asyncio.wrap_future(outcome)


def _hold(conversation: Callable[[], None], outcome: Future[None]) -> None:
    try:
        conversation()
        outcome.set_result(None)
    except BaseException as exc:
        outcome.set_exception(exc)
