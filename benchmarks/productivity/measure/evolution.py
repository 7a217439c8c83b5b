"""Adding a field later, while data without it exists: done for real on a copy."""

from dataclasses import dataclass

from benchmarks.productivity.measure.environment import Environment
from benchmarks.productivity.measure.implementation import TEST_FILE, Implementation
from benchmarks.productivity.measure.patches import changes
from benchmarks.productivity.measure.sources import is_test
from benchmarks.productivity.measure.workspace import add_folder, apply, copied

RECORDER = "trainer/record.py"
OLD_DATA_TEST = "trainer/test_old_data.py"


@dataclass(frozen=True)
class Evolution:
    """What the new field costs outside of tests, and whether old data survives it."""

    places: int
    lines: int
    files: int
    works: bool
    output: str


def evolve(implementation: Implementation, environment: Environment) -> Evolution:
    """Record data with today's program, add `trainer`, and read the data with tomorrow's."""
    patch = implementation.folder / "trainer.patch"
    with copied(implementation) as workspace:
        add_folder(workspace, implementation.folder / "trainer")
        recorded = environment.run([RECORDER], workspace)
        apply(patch, workspace)
        tests = ["-m", "pytest", "-q", "--no-header", TEST_FILE, OLD_DATA_TEST]
        read = environment.run(tests, workspace)
    edits = [change for change in changes(patch.read_text()) if not is_test(change.file)]
    return Evolution(
        places=len(edits),
        lines=sum(max(edit.added, edit.removed) for edit in edits),
        files=len({edit.file for edit in edits}),
        works=not (recorded.failed or read.failed),
        output=recorded.output + read.output,
    )
