"""``python -m benchmarks.rivals [NAME…]``: run rivals, one line of JSON each."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from benchmarks.rivals.launch import RIVALS, measure
from twofold.ops.services import provided


def main(names: Sequence[str]) -> int:
    """Exit code 2 if there is no rival with that name."""
    unknown = [name for name in names if name not in RIVALS]
    if unknown:
        print(f"no rival {', '.join(unknown)}; there are: {', '.join(RIVALS)}", file=sys.stderr)
        return 2
    with provided("postgres") as address:
        for name in names or RIVALS:
            print(json.dumps(measure(name, address)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
