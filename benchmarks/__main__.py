"""``python -m benchmarks [NAME…] [--json]``: run benchmarks and print what they found."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence

from benchmarks.figures import Benchmark, Figures, number
from benchmarks.machine import commit, machine, versions
from benchmarks.registry import UnknownBenchmark, chosen
from twofold.ops.logs import configure_logs


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 if a benchmark failed; 2 if there is none with that name."""
    options = _options(arguments)
    try:
        benchmarks = chosen(options.names)
    except UnknownBenchmark as problem:
        print(problem, file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(benchmark.NAME for benchmark in benchmarks))
        return 0
    return max([_run(benchmark, options.json) for benchmark in benchmarks], default=0)


def line(benchmark: Benchmark, figures: Figures) -> dict[str, object]:
    """The JSON object of one result."""
    result: dict[str, object] = {
        "name": benchmark.NAME,
        "figure": figures.figure,
        "unit": benchmark.UNIT,
        "raw": figures.raw,
        "ratio": round(figures.ratio, 4),
        "goal": benchmark.GOAL.bound,
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "details": dict(figures.details),
    }
    if figures.rival is not None:
        result["rival"] = figures.rival
    return result


def row(benchmark: Benchmark, figures: Figures) -> str:
    """The same for people, on one line."""
    verdict = "" if benchmark.GOAL.reached_by(figures.figure) else "  MISSED"
    rival = "" if figures.rival is None else f"  rival {number(figures.rival)}"
    return (
        f"{benchmark.NAME:<28} {number(figures.figure):>10} {benchmark.UNIT:<14} "
        f"goal {benchmark.GOAL}  raw {number(figures.raw)} (ratio {figures.ratio:.2f})"
        f"{rival}{verdict}"
    )


def _run(benchmark: Benchmark, as_json: bool) -> int:
    try:
        figures = benchmark.run()
    except Exception:
        # One that fails, for want of a server perhaps, must not cost the others their figures.
        print(f"{benchmark.NAME} failed:\n{traceback.format_exc()}", file=sys.stderr)
        return 1
    print(json.dumps(line(benchmark, figures)) if as_json else row(benchmark, figures), flush=True)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all if none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    # Standard output is for figures.
    configure_logs(quiet=True)
    sys.exit(main())
