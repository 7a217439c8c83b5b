"""The import rules hold, and each of them bites."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

VIOLATIONS = [
    ("src/twofold/errors.py", "import shop.main", "Applications use the framework"),
    ("src/twofold/ports/log.py", "import twofold.runtime.writer", "Framework layers"),
    ("src/twofold/domain/fields.py", "import twofold.wiring.routes", "Framework layers"),
    (
        "src/twofold/adapters/sqlite/log.py",
        "import twofold.adapters.memory.log",
        "Adapters know their ports",
    ),
    ("src/twofold/http/live.py", "import twofold.adapters.memory.log", "Console and HTTP"),
    ("src/twofold/runtime/tail.py", "import starlette", "installs without optional"),
    ("apps/shop/main.py", "import twofold.testing.conformance.log", "Test kits stay out"),
    ("apps/shop/sample.py", "import twofold.adapters.memory.log", "Only assembly chooses"),
    ("apps/shop/importing/files.py", "import shop.main", "Layers of the shop"),
    (
        "apps/shop/modules/orders/contracts.py",
        "import shop.modules.orders.domain",
        "Inside a module of the shop",
    ),
    (
        "apps/shop/modules/orders/views.py",
        "import shop.modules.products.views",
        "Modules meet only through",
    ),
    ("apps/shop/modules/orders/domain.py", "import sqlite3", "Business rules are pure"),
    ("apps/shop/main.py", "import training.main", "Applications use the framework"),
    ("apps/training/main.py", "import twofold.testing.conformance.log", "Test kits stay out"),
    ("apps/training/main.py", "import twofold.adapters.memory.log", "Only assembly chooses"),
    (
        "apps/training/modules/programs/contracts.py",
        "import training.main",
        "Layers of the training company",
    ),
    (
        "apps/training/modules/programs/specification.py",
        "import training.modules.programs.proposal",
        "Inside a module of the training company",
    ),
    (
        "apps/training/modules/reviews/domain.py",
        "import training.modules.programs.proposal",
        "Modules of the training company meet only",
    ),
    (
        "apps/training/modules/catalogue/offers.py",
        "import training.modules.programs.facade",
        "The catalogue decides nothing",
    ),
    (
        "apps/training/modules/catalogue/offers.py",
        "import training.modules.offers.places",
        "Modules of the training company meet only",
    ),
    (
        "apps/training/modules/offers/booking.py",
        "import asyncpg",
        "The training company's rules are pure",
    ),
    (
        "apps/training/modules/reviews/assignment.py",
        "import random",
        "The training company's rules are pure",
    ),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter on the sources in ``folder``."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    path = os.pathsep.join((str(folder / "src"), str(folder / "apps")))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_rules_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "line", "contract"), VIOLATIONS)
def test_each_rule_bites(tmp_path: Path, file: str, line: str, contract: str) -> None:
    for name in ("src", "apps"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as source:
        source.write(f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode != 0
    broken = [row for row in done.stdout.splitlines() if " BROKEN" in row]
    assert any(row.startswith(contract) or contract in row for row in broken), done.stdout
