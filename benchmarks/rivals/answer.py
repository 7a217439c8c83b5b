"""The line that a rival prints, and the database that it is given."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version


def print_answer(
    name: str,
    figure: float,
    unit: str,
    *,
    packages: Sequence[str],
    details: Mapping[str, object],
) -> None:
    """One line of JSON with the versions of ``packages``."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    answer = {"name": name, "figure": round(figure, 1), "unit": unit, "versions": versions}
    print(json.dumps(answer | {"details": dict(details)}), flush=True)


def postgres_address() -> str:
    """The database for this run; it must be empty."""
    address = os.environ.get("TWOFOLD_TEST_POSTGRES", "")
    if not address:
        raise SystemExit("TWOFOLD_TEST_POSTGRES must name an empty PostgreSQL database")
    return address
