"""The comparison as a table and as RESULTS.md."""

import platform
import re
from collections.abc import Callable

from benchmarks.productivity.measure.measurement import Measurement
from benchmarks.productivity.measure.mistakes import STAGES, Verdict

COMMAND = "python -m benchmarks.productivity.run"
MISTAKES = {
    "m1": "field name misspelt where the event (or row) is made",
    "m2": "the portfolio's handler for an event forgotten",
    "m3": "two handlers for one command",
    "m4": "a sort by a field that the portfolio does not declare",
    "m5": "a plain string where an enum is expected",
}
_AT_START: tuple[tuple[str, Callable[[Measurement], int]], ...] = (
    (
        "mistakes noticed by check or start, without type checkers",
        lambda m: sum(v.by_the_start for v in m.verdicts),
    ),
    (
        "of these with file and line",
        lambda m: sum(v.start_names_the_line for v in m.verdicts),
    ),
)
_SAID_CHARACTERS = 150
# What differs from run to run and from machine to machine: paths and generated ids.
_PATH = re.compile(r"/\S*/")
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f-]{23,27}")

Row = tuple[str, Callable[[Measurement], str]]
ROWS: tuple[Row, ...] = (
    ("lines in all", lambda m: str(m.size.app_lines + m.size.test_lines)),
    ("lines, application", lambda m: str(m.size.app_lines)),
    ("lines, tests", lambda m: str(m.size.test_lines)),
    ("files", lambda m: str(m.size.files)),
    ("concepts to know", lambda m: str(m.vocabulary.listed)),
    ("of these imported by name", lambda m: str(m.vocabulary.imported)),
    ("`title` written, application", lambda m: str(m.size.app_mentions)),
    ("`title` written, tests", lambda m: str(m.size.test_mentions)),
    ("adding `trainer`: places", lambda m: str(m.evolution.places)),
    ("adding `trainer`: lines", lambda m: str(m.evolution.lines)),
    ("old data loads", lambda m: "yes" if m.evolution.works else "NO"),
    ("`mypy --strict` errors, no plugins", lambda m: str(m.type_errors.mypy)),
    (
        "`mypy --strict` errors, its own plugin",
        lambda m: _optional(m.type_errors.mypy_with_plugins),
    ),
    ("pyright errors", lambda m: str(m.type_errors.pyright)),
    ("pyright errors, strict mode", lambda m: str(m.type_errors.pyright_strict)),
    ("seven tests pass", lambda m: "NO" if m.tests.failed else "yes"),
)


def table(measurements: list[Measurement]) -> str:
    """The comparison as an aligned Markdown table, mistakes included."""
    header = ["", *(m.implementation.name for m in measurements)]
    rows = [[label, *(show(m) for m in measurements)] for label, show in ROWS]
    rows += [
        [f"{mistake}: {meaning}", *(_first_stage(m, mistake) for m in measurements)]
        for mistake, meaning in MISTAKES.items()
    ]
    rows += [[label, *(str(count(m)) for m in measurements)] for label, count in _AT_START]
    return _aligned([header, *rows])


def results(measurements: list[Measurement]) -> str:
    """The whole of RESULTS.md."""
    parts = [
        "# What the comparison found\n",
        f"Written by `{COMMAND}`, to be run from the repository root; do not edit.",
        "What is compared and how is in [FEATURE.md](FEATURE.md).\n",
        table(measurements),
        "\nFor a mistake the table names the first to notice, in this order: "
        f"{', '.join(STAGES)}. *runtime* is an answer with status 500 after release, "
        "*never* that nothing and nobody complains.\n",
        *(_details(m) for m in measurements),
        "## Versions\n",
        f"- Python {platform.python_version()}, {platform.system()}",
        *(_versions(m) for m in measurements),
    ]
    return "\n".join(parts) + "\n"


def _details(measurement: Measurement) -> str:
    header = ["mistake", *STAGES, "names file and line", "first words"]
    rows = [[v.mistake, *_marks(v), _yes(v.names_the_line), _said(v)] for v in measurement.verdicts]
    return f"## Mistakes: {measurement.implementation.name}\n\n{_aligned([header, *rows])}\n"


def _marks(verdict: Verdict) -> list[str]:
    return [_yes(stage in verdict.noticed) for stage in STAGES]


def _said(verdict: Verdict) -> str:
    """The telling line of the first message, without paths of this machine."""
    words = verdict.noticed.get(verdict.first, verdict.first)
    lines = [line for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E  ")] or lines
    telling = errors[0] if verdict.first in ("mypy", "pyright", "tests") else errors[-1]
    lasting = _ID.sub("…", _PATH.sub("", telling.removeprefix("E  ")))
    return " ".join(lasting.split()).replace("|", "\\|")[:_SAID_CHARACTERS]


def _first_stage(measurement: Measurement, mistake: str) -> str:
    found = [v.first for v in measurement.verdicts if v.mistake == mistake]
    return found[0] if found else "cannot be made"


def _versions(measurement: Measurement) -> str:
    pins = ", ".join(f"{name} {version}" for name, version in measurement.versions.items())
    return f"- {measurement.implementation.name}: {pins}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(row: list[str], widths: list[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "| " + " | ".join(cells) + " |"


def _yes(value: bool) -> str:
    return "yes" if value else "-"


def _optional(value: int | None) -> str:
    return "-" if value is None else str(value)
