"""Both applications move their read models from SQLite to MongoDB: a setting, and one command."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.killing import Process
from tests.waiting import PAUSE_SECONDS, until

LISTS = {"shop": "/api/v1/products?size=3&facets=status", "training": "/api/training-programs"}


def twofold(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "twofold.ops.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def listed(app: str, role: str, environment: dict[str, str], folder: Path) -> Any:
    """What the application's list shows right after the start of a process with ``role``."""
    process = Process(app, role, environment, folder / f"{role}.log")
    await process.start()
    try:
        async with httpx.AsyncClient(base_url=process.address, timeout=30) as client:

            async def ready() -> bool:
                return (await client.get("/health/ready")).status_code == 200

            await until(ready, 60, PAUSE_SECONDS)
            return (await client.get(LISTS[app])).json()
    finally:
        process.end()


@pytest.mark.parametrize("app", ["shop", "training"])
async def test_read_models_move_by_a_setting(app: str, tmp_path: Path, mongodb: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    log = f"sqlite:///{tmp_path / 'log.db'}"
    before = kept | {"TWOFOLD_DEMO": "1", "TWOFOLD_LOG": log}
    on_sqlite = await listed(app, "all", before, tmp_path)
    assert on_sqlite["items"]
    after = before | {"TWOFOLD_READ": mongodb}
    status = json.loads(await asyncio.to_thread(twofold, after, "status", app, "--json"))
    names = [one["name"] for one in status["projections"]]
    told = await asyncio.to_thread(twofold, after, "rebuild", app, *names)
    assert told.count("equal to the log") == len(names)
    # Nobody sees an empty page: what the new setting shows first is all there.
    assert await listed(app, "api", after, tmp_path) == on_sqlite
