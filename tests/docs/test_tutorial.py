"""The tutorial's code runs, and its own tests pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "README.md"


def code() -> str:
    """All of the tutorial's Python, as the one file that it says it is."""
    return "\n\n".join(re.findall(r"```python\n(.*?)```", TUTORIAL.read_text("utf-8"), re.S))


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_tutorial_runs_as_written(tmp_path: Path) -> None:
    (tmp_path / "books.py").write_text(code(), "utf-8")
    (tmp_path / "test_books.py").write_text("from books import *\n", "utf-8")
    checked = run(tmp_path, "twofold.ops.cli", "check", "books:app")
    assert checked.returncode == 0, checked.stderr
    tested = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_books.py")
    assert "2 passed" in tested.stdout, tested.stdout
    typed = run(tmp_path, "mypy", "--strict", "books.py")
    assert typed.returncode == 0, typed.stdout


def test_the_mistake_that_the_tutorial_suggests_is_found(tmp_path: Path) -> None:
    broken = code().replace("event: BookAdded | BookFinished)", "event: BookAdded)")
    (tmp_path / "books.py").write_text(broken, "utf-8")
    checked = run(tmp_path, "twofold.ops.cli", "check", "books:app")
    assert checked.returncode == 1
    assert "books.py:" in checked.stderr
    assert "book decides BookFinished, but no fold takes it" in checked.stderr
