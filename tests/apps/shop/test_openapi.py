"""The shop does what its description says, whatever is sent to it."""

from __future__ import annotations

from pathlib import Path

from shop.main import app
from tests.openapi import check_description, listening

_HOOKS = "tests.apps.shop.schemathesis_hooks"


async def test_the_shop_does_what_its_description_says(address: str, tmp_path: Path) -> None:
    async with listening(app, address) as served:
        await check_description(served, _HOOKS, 6, tmp_path / "answers")
