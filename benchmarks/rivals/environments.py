"""Environments of the rivals, made once and again when their pins change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_REQUIREMENTS = Path(__file__).with_name("requirements")


def interpreter(name: str, home: Path = _ROOT / ".venv-rivals") -> Path:
    """The Python of the environment ``name``, installed if it is missing or out of date."""
    requirements = _REQUIREMENTS / f"{name}.txt"
    wanted = _fingerprint(requirements)
    folder = home / name
    stamp = folder / "requirements.sha256"
    if not stamp.exists() or stamp.read_text() != wanted:
        _install(folder, requirements)
        stamp.write_text(wanted)
    return folder / "bin" / "python"


def _install(folder: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", "-r", str(requirements)], check=True)


def _fingerprint(requirements: Path) -> str:
    # The interpreter belongs to it: an environment of another Python would be another race.
    return hashlib.sha256(sys.version.encode() + requirements.read_bytes()).hexdigest()
