"""Comparing the shapes of events with those of another release."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

from twofold.errors import InvalidInput
from twofold.wiring.schema import EventShape, breaking_changes, event_shapes, read, written
from twofold.wiring.wired import Wired


def schema_problems(wired: Wired, file: Path, against: str, *, accept: bool) -> list[str]:
    """What would make recorded events unreadable. Writes the file if it is missing or accepted.

    Raises InvalidInput if the former shapes can't be read.
    """
    shapes = event_shapes(wired)
    former = _at_revision(file, against) if against else _on_disk(file)
    problems = breaking_changes(_read(former, file), shapes) if former is not None else []
    if accept or (former is None and not against):
        file.write_bytes(written(shapes))
        return []
    return problems


def _on_disk(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _at_revision(file: Path, revision: str) -> bytes:
    command = ["git", "show", f"{revision}:./{file.name}"]
    folder = file.resolve().parent
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip()
        raise InvalidInput(f"{file} at {revision} can't be read: {why}")
    return done.stdout


def _read(text: bytes, file: Path) -> dict[str, EventShape]:
    try:
        return read(text)
    except msgspec.MsgspecError as exc:
        raise InvalidInput(f"{file} holds no event shapes: {exc}") from exc
