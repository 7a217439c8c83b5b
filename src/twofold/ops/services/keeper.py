"""``python -m twofold.ops.services.keeper NAME FOLDER``: keeps a server while its input is open.

Started by ``temporary``. Prints an empty line when the server answers, or else what went wrong.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from twofold.ops.services.fleet import Fleet
from twofold.ops.services.service import ServiceProblem


def keep(name: str, folder: Path) -> None:
    """Start it, wait for the end of the input, end it and remove the folder."""
    fleet = Fleet(folder, given={})
    try:
        fleet.up([name])
        print(flush=True)
        sys.stdin.read()
    except ServiceProblem as problem:
        print(" ".join(str(problem).split()), flush=True)
    finally:
        fleet.down([name])
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    keep(sys.argv[1], Path(sys.argv[2]))
