"""Tasks are ended, whatever swallows the first cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from twofold.runtime import ending
from twofold.runtime.ending import end


async def test_what_swallows_a_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "_AGAIN_SECONDS", 0.01)
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 2:
                    raise

    async def failing() -> None:
        try:
            await asyncio.sleep(3_600)
        finally:
            raise ValueError("as told")

    tasks = [asyncio.ensure_future(work()) for work in (deaf, failing)]
    await asyncio.sleep(0)
    await asyncio.wait_for(end(tasks), 30)
    assert swallowed == 3
    with pytest.raises(ValueError, match="as told"):
        await tasks[1]


async def test_nothing_to_end_is_no_error() -> None:
    done = asyncio.ensure_future(asyncio.sleep(0))
    with suppress(asyncio.CancelledError):
        await done
    await end([])
    await end([done])
