"""What MongoDB's driver swallows is not lost: who was cancelled is."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import AutoReconnect

from twofold.adapters.mongodb.database import translated
from twofold.errors import StoreUnavailable


@pytest.mark.parametrize("instead", [None, AutoReconnect("as told"), OSError("as told")])
async def test_a_call_that_is_cancelled_ends_so(instead: Exception | None) -> None:
    async def calling() -> str:
        with translated():
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                if instead is not None:
                    raise instead from None
        return "an answer"

    task = asyncio.ensure_future(calling())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_done_after_a_cancellation_is_done() -> None:
    async def calling() -> str:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            with translated():
                await asyncio.sleep(0)
            return "tidied up"
        return "never"

    task = asyncio.ensure_future(calling())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "tidied up"


async def test_other_failures_are_translated_as_ever() -> None:
    with pytest.raises(StoreUnavailable, match="as told"), translated():
        raise AutoReconnect("as told")
