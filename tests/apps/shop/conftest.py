"""The shop on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shop.main import app
from twofold import System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    found: str = request.getfixturevalue("postgres")
    return found


@pytest.fixture
async def shop(address: str) -> AsyncIterator[System]:
    """A running shop without data."""
    async with assemble(app, read_settings("shop", {"TWOFOLD_LOG": address})) as system:
        yield system
