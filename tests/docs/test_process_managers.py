"""The how-to about process managers runs as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "process-managers.md"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_how_to_runs_as_written(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", HOW_TO.read_text("utf-8"), re.S)
    (tmp_path / "invoices.py").write_text("\n\n".join(code), "utf-8")
    (tmp_path / "test_invoices.py").write_text("from invoices import *\n", "utf-8")
    checked = run(tmp_path, "twofold.ops.cli", "check", "invoices:app")
    assert checked.returncode == 0, checked.stderr
    tested = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_invoices.py")
    assert "2 passed" in tested.stdout, tested.stdout
    typed = run(tmp_path, "mypy", "--strict", "invoices.py")
    assert typed.returncode == 0, typed.stdout
    # As the first ``twofold run`` has made it.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "invoices.db").touch()
    listed = run(tmp_path, "twofold.ops.cli", "processes", "invoices:app", "list", "--json")
    assert '"name":"dunning"' in listed.stdout, listed.stderr
