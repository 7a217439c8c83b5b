"""The training company does what its description says, whatever is sent to it."""

from __future__ import annotations

from pathlib import Path

from tests.openapi import check_description, listening, share_met, unreached
from training.main import app

_HOOKS = "tests.apps.training.schemathesis_hooks"


async def test_training_does_what_its_description_says(tmp_path: Path) -> None:
    async with listening(app, f"sqlite:///{tmp_path / 'training.db'}") as served:
        reached = await check_description(served, _HOOKS, 5, tmp_path / "answers")
    assert unreached(reached) == []
    assert share_met(reached) > 0.5
