"""What can be the name of something."""

from __future__ import annotations

from twofold.errors import NotFound


def check_nameable(kind: str, name: str) -> None:
    """Nothing has U+0000 in its name: PostgreSQL has no such text. Raises NotFound."""
    if "\x00" in name:
        raise NotFound(kind, name)
