"""Measures every implementation of the feature: `python -m benchmarks.productivity.run [NAME…]`.

Prints the comparison; without names, it writes RESULTS.md too. Exit code 1 when an
implementation is not fit to be compared (a test fails, a concept list is wrong).
"""

import argparse
import sys
from pathlib import Path

from benchmarks.productivity.measure.environment import prepare
from benchmarks.productivity.measure.implementation import discover
from benchmarks.productivity.measure.measurement import Measurement, measure
from benchmarks.productivity.measure.report import results, table

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".venv-productivity"


def measured(names: list[str]) -> list[Measurement]:
    """The measurements of the named implementations, or of all."""
    chosen = [found for found in discover(HERE) if not names or found.key in names]
    found = []
    for implementation in chosen:
        print(f"{implementation.name} …", file=sys.stderr, flush=True)
        found.append(measure(implementation, prepare(implementation, CACHE)))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.productivity.run")
    known = [implementation.key for implementation in discover(HERE)]
    parser.add_argument("names", nargs="*", help=f"folders to measure: {', '.join(known)}")
    names = parser.parse_args(arguments).names
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"no such implementation: {', '.join(unknown)}; there are {', '.join(known)}")
    measurements = measured(names)
    print(table(measurements))
    if not names:
        (HERE / "RESULTS.md").write_text(results(measurements))
    problems = [problem for found in measurements for problem in found.problems]
    print("\n".join(problems), file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
