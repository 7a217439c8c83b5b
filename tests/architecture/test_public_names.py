"""What ``twofold`` offers is written down in one place."""

from __future__ import annotations

import subprocess
import sys

import twofold


def test_all_is_sorted_and_true() -> None:
    def order(name: str) -> tuple[bool, bool, str]:
        return not name.isupper(), not name[0].isupper(), name

    assert twofold.__all__ == sorted(twofold.__all__, key=order)
    offered = {
        name
        for name, value in vars(twofold).items()
        if not name.startswith("_")
        and getattr(value, "__module__", "").startswith("twofold")
        and not isinstance(value, type(sys))
    }
    assert offered <= set(twofold.__all__)
    assert all(hasattr(twofold, name) for name in twofold.__all__)


def test_importing_it_needs_no_database_driver() -> None:
    code = (
        "import sys\n"
        "for name in ('asyncpg', 'sqlalchemy', 'uvloop'): sys.modules[name] = None\n"
        "import twofold, twofold.adapters.sqlite.log, twofold.ops.cli\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
