"""The shop does what its description says, whatever is sent to it."""

from __future__ import annotations

from shop.main import app
from tests.openapi import check_description, listening


async def test_the_shop_does_what_its_description_says(address: str) -> None:
    async with listening(app, address) as served:
        await check_description(served, "tests.apps.shop.schemathesis_hooks", examples=6)
