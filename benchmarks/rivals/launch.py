"""Running a rival in its environment, on a database of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.database import fresh_database
from benchmarks.rivals.environments import interpreter

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Rival:
    """A module of this package, its arguments, and the environment that it needs."""

    module: str
    environment: str
    arguments: Sequence[str] = ()


RIVALS: Mapping[str, Rival] = {
    "eventsourcing-commands": Rival("eventsourcing_commands", "eventsourcing"),
    "eventsourcing-projection": Rival("eventsourcing_projection", "eventsourcing"),
    "crud-postgres": Rival("crud_reads", "fastapi_sqlalchemy", ("postgres",)),
    "crud-sqlite": Rival("crud_reads", "fastapi_sqlalchemy", ("sqlite",)),
    "catalogue-postgres": Rival("catalogue_reads", "fastapi_sqlalchemy", ("postgres",)),
    "catalogue-sqlite": Rival("catalogue_reads", "fastapi_sqlalchemy", ("sqlite",)),
}


class RivalFailed(RuntimeError):
    """The rival ended without a figure."""


def measure(name: str, address: str, *arguments: str) -> dict[str, Any]:
    """What the rival ``name`` printed, having run on the PostgreSQL at ``address``.

    ``arguments`` make the run smaller or larger, as the rival's own ``main`` says. At least
    ``{"name", "figure", "unit", "versions", "details"}``. Raises RivalFailed.
    """
    return asyncio.run(_measure(RIVALS[name], address, arguments))


async def _measure(rival: Rival, address: str, arguments: Sequence[str]) -> dict[str, Any]:
    python = interpreter(rival.environment)
    command = [str(python), "-m", f"benchmarks.rivals.{rival.module}"]
    async with fresh_database(address) as fresh:
        environment = {**os.environ, "TWOFOLD_TEST_POSTGRES": fresh}
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, *rival.arguments, *arguments],
            cwd=_ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RivalFailed(f"{rival.module}: {(done.stderr or done.stdout).strip()[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
