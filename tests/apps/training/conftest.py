"""The training company on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from training.main import app
from twofold import System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'training.db'}"
    found: str = request.getfixturevalue("postgres")
    return found


@pytest.fixture
async def training(address: str) -> AsyncIterator[System]:
    """A running training company without data."""
    async with assemble(app, read_settings("training", {"TWOFOLD_LOG": address})) as system:
        yield system
