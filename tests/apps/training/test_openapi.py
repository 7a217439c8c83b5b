"""The training company does what its description says, whatever is sent to it."""

from __future__ import annotations

from pathlib import Path

from tests.openapi import check_description, listening
from training.main import app


async def test_training_does_what_its_description_says(tmp_path: Path) -> None:
    async with listening(app, f"sqlite:///{tmp_path / 'training.db'}") as served:
        await check_description(served, "tests.apps.training.schemathesis_hooks", examples=5)
