"""Both applications, unmodified, on everything that Twofold runs on, by settings alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from shop.main import app as shop
from tests.acceptance.combinations import REFUSED, SENSIBLE, Combination
from tests.acceptance.company import SECRET, Company
from tests.acceptance.serving import equal_to_the_log, serving
from tests.acceptance.shop_story import shop_story
from tests.acceptance.training_story import training_story
from tests.killing import Process
from training.main import app as training
from twofold.assembly.settings import read_settings
from twofold.errors import SettingsProblems

APPLICATIONS = {"shop": shop, "training": training}
STORIES = {"shop": shop_story, "training": training_story}
ROLES = ("api", "relay", "projector", "projector", "scheduler")

IN_ONE = [one for one in SENSIBLE if not one.apart]
APART = [one for one in SENSIBLE if one.apart]


@pytest.mark.parametrize("combination", IN_ONE, ids=str)
async def test_everybody_sees_what_they_did(
    combination: Combination, given: dict[str, str]
) -> None:
    async with serving(APPLICATIONS[combination.application], given) as (app, client):
        await STORIES[combination.application](Company(client))
        assert await equal_to_the_log(app.system) > 0


@pytest.mark.parametrize("combination", APART, ids=str)
async def test_everybody_sees_what_they_did_with_a_process_for_each_role(
    combination: Combination, given: dict[str, str], tmp_path: Path
) -> None:
    environment = {**os.environ, **given, "TWOFOLD_JWT_SECRET": SECRET}
    name = f"{combination.application}.main:app"
    roles = ROLES if combination.commands == "sync" else (*ROLES, "commands")
    async with _processes(name, roles, environment, tmp_path) as api:
        async with httpx.AsyncClient(base_url=api.address, timeout=60) as client:
            await STORIES[combination.application](Company(client))
            assert (await client.get("/health/ready")).status_code == 200
        verified = await asyncio.to_thread(_verified, name, environment)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "equal to the log" in verified.stdout


@pytest.mark.parametrize("combination", REFUSED, ids=str)
async def test_what_makes_no_sense_is_refused(
    combination: Combination,
    given: dict[str, str],
    record_property: Callable[[str, object], None],
) -> None:
    with pytest.raises(SettingsProblems) as refused:
        read_settings(combination.application, given)
    (problem,) = refused.value.problems
    assert problem.field == "TWOFOLD_PROJECTIONS"
    record_property("refused", f"refused: {problem}")


@asynccontextmanager
async def _processes(
    name: str, roles: Sequence[str], environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Process]:
    """A process for each of ``roles``; answers the first."""
    started = [
        Process(name, role, dict(environment), folder / f"{number}-{role}.log")
        for number, role in enumerate(roles)
    ]
    try:
        await asyncio.gather(*(process.start() for process in started))
        yield started[0]
    finally:
        await asyncio.gather(*(asyncio.to_thread(process.end) for process in started))


def _verified(name: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "twofold.ops.cli", "verify", name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
