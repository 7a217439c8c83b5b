"""All that is measured about one implementation, gathered."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.productivity.measure import concepts, sources, typechecks
from benchmarks.productivity.measure.environment import Environment, Outcome
from benchmarks.productivity.measure.evolution import Evolution, evolve
from benchmarks.productivity.measure.implementation import TEST_FILE, Implementation
from benchmarks.productivity.measure.mistakes import Verdict, judge
from benchmarks.productivity.measure.workspace import copied

FIELD = "title"
LINE_LENGTH = "100"


@dataclass(frozen=True)
class Size:
    """How much is written, in the application and in its tests, formatted alike."""

    app_lines: int
    test_lines: int
    files: int
    app_mentions: int
    test_mentions: int


@dataclass(frozen=True)
class Vocabulary:
    """How many framework names a reader meets: all of them, and those imported by name."""

    listed: int
    imported: int
    problems: list[str]


@dataclass(frozen=True)
class TypeErrors:
    """Errors in the sound sources, which all are false alarms."""

    mypy: int
    mypy_with_plugins: int | None
    pyright: int
    pyright_strict: int


@dataclass(frozen=True)
class Measurement:
    """One column of the comparison."""

    implementation: Implementation
    versions: dict[str, str]
    size: Size
    vocabulary: Vocabulary
    type_errors: TypeErrors
    tests: Outcome
    evolution: Evolution
    verdicts: list[Verdict]

    @property
    def problems(self) -> list[str]:
        """Why the figures of this implementation must not be trusted."""
        found = list(self.vocabulary.problems)
        if self.tests.failed:
            found.append(f"the seven tests fail:\n{self.tests.output}")
        if not self.evolution.works:
            found.append(f"old data does not load:\n{self.evolution.output}")
        return [f"{self.implementation.name}: {problem}" for problem in found]


def measure(implementation: Implementation, environment: Environment) -> Measurement:
    """Run and count everything about one implementation; takes a minute or two."""
    with copied(implementation) as workspace:
        size = _size(environment, workspace)
        type_errors = _type_errors(implementation, environment, workspace)
        tests = environment.run(["-m", "pytest", "-q", "--no-header", TEST_FILE], workspace)
    return Measurement(
        implementation=implementation,
        versions=environment.versions(implementation.packages),
        size=size,
        vocabulary=_vocabulary(implementation),
        type_errors=type_errors,
        tests=tests,
        evolution=evolve(implementation, environment),
        verdicts=judge(implementation, environment),
    )


def _size(environment: Environment, workspace: Path) -> Size:
    environment.run(["-m", "ruff", "format", "-q", "--line-length", LINE_LENGTH, "."], workspace)
    files = sorted(workspace.glob("*.py"))
    tests = [file for file in files if sources.is_test(file.name)]
    app = [file for file in files if file not in tests]
    return Size(
        app_lines=sources.total_lines(app),
        test_lines=sources.total_lines(tests),
        files=len(files),
        app_mentions=sources.total_mentions(app, FIELD),
        test_mentions=sources.total_mentions(tests, FIELD),
    )


def _vocabulary(implementation: Implementation) -> Vocabulary:
    names = concepts.listed((implementation.folder / "concepts.txt").read_text())
    own = {path.stem for path in implementation.sources}
    imports = [concepts.imported(path.read_text(), own) for path in implementation.sources]
    return Vocabulary(
        listed=len(names),
        imported=len(set[str]().union(*imports)),
        problems=concepts.problems(names, implementation.sources),
    )


def _type_errors(
    implementation: Implementation, environment: Environment, workspace: Path
) -> TypeErrors:
    plugins = implementation.mypy_plugins
    return TypeErrors(
        mypy=len(typechecks.mypy(environment, workspace)),
        mypy_with_plugins=(
            len(typechecks.mypy(environment, workspace, plugins)) if plugins else None
        ),
        pyright=len(typechecks.pyright(environment, workspace)),
        pyright_strict=len(typechecks.pyright(environment, workspace, "strict")),
    )
