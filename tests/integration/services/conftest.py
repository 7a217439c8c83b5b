from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from twofold.ops.services import down


@pytest.fixture
def folder() -> Iterator[Path]:
    """A state folder that any account can enter; pytest's own is closed to others."""
    path = Path(tempfile.mkdtemp(prefix="twofold-services-test-"))
    path.chmod(0o755)
    yield path
    down(folder=path)
    shutil.rmtree(path)


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWOFOLD_TEST_POSTGRES", raising=False)
