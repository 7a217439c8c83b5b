"""What a unified diff changes, counted in places and lines."""

import re
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class Change:
    """One place: a run of neighbouring lines taken out, put in or replaced."""

    file: str
    line: int
    removed: int
    added: int


def changes(diff: str) -> list[Change]:
    """The places that a diff touches, with their line numbers after the change."""
    found: list[Change] = []
    file, line, removed, added = "", 0, 0, 0

    def close() -> None:
        nonlocal removed, added
        if removed or added:
            found.append(Change(file, line - added, removed, added))
        removed = added = 0

    for text in diff.splitlines():
        if text.startswith("+++ "):
            close()
            file = text.removeprefix("+++ ").removeprefix("b/").split("\t")[0]
        elif hunk := _HUNK.match(text):
            close()
            line = int(hunk[1])
        elif text.startswith("+"):
            added, line = added + 1, line + 1
        elif text.startswith("-") and not text.startswith("--- "):
            removed += 1
        elif text.startswith(" "):
            close()
            line += 1
    close()
    return found
