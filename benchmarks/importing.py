"""The import of all real invoices by the shop's own command, every read model in step."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import Figures

_FILE = Path("online_retail") / "invoices_2010-12_2011-08.csv.gz"
_SHOP = Path(sys.executable).with_name("shop")
_MEMORY_GOAL_MB = 300


class NoData(LookupError):
    """The real data sets are not on this machine."""


def imported(address: str, raw_rows_per_second: float) -> Figures:
    """Seconds for the whole command, from its start to its end; beside what rows alone take.

    Raises NoData.
    """
    folder = os.environ.get("TWOFOLD_DATA")
    if not folder:
        raise NoData("set TWOFOLD_DATA to the folder with the real data sets")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(
        [_SHOP, "import-invoices", str(Path(folder) / _FILE), "--json"],
        env={**os.environ, "TWOFOLD_LOG": address},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    accounting: Mapping[str, Any] = json.loads(done.stdout)
    details = {
        "lines": accounting["lines"],
        "accepted": accounting["accepted"],
        "cpu_seconds": round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1
        ),
        "peak_memory_mb": round(after.ru_maxrss / 1024),
        "memory_goal_mb": _MEMORY_GOAL_MB,
    }
    return Figures(seconds, accounting["lines"] / raw_rows_per_second, None, details)
