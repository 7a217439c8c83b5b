"""Code of the documents, run as the files that they say it is."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def module_of(document: str, name: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """All Python of a document as the module ``name``."""
    code = "\n\n".join(
        re.findall(r"```python\n(.*?)```", (DOCS / document).read_text("utf-8"), re.S)
    )
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(code, str(DOCS / document), "exec"), module.__dict__)
    return module


def in_bash(
    script: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What a reader types in ``folder``, with these variables and no others."""
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
