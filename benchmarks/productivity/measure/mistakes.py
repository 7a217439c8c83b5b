"""When does anybody notice a mistake? Each is made in a copy and every stage is tried."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.productivity.measure import typechecks
from benchmarks.productivity.measure.environment import Environment, Outcome
from benchmarks.productivity.measure.implementation import TEST_FILE, Implementation
from benchmarks.productivity.measure.patches import Change, changes
from benchmarks.productivity.measure.workspace import apply, copied

PROBE = Path(__file__).parent.parent / "probe.py"
STAGES = ("mypy", "pyright", "mypy + plugin", "check", "start", "tests", "runtime")
_PLACE = re.compile(r"(\w+\.py)(?::|\", line |\x1b\[0m:)(\d+)")
_ANSWERS = re.compile(r"^ANSWERS (.*)$", re.MULTILINE)
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Observation:
    """What every stage said about one state of the sources."""

    type_errors: dict[str, list[str]]
    check: Outcome
    start: Outcome
    tests: Outcome
    answers: list[tuple[str, int, str]] | None


@dataclass(frozen=True)
class Verdict:
    """Which stages notice a mistake, and the words of the first one."""

    mistake: str
    noticed: dict[str, str] = field(default_factory=dict)
    silent_change: bool = False
    names_the_line: bool = False
    start_names_the_line: bool = False

    @property
    def by_the_start(self) -> bool:
        """Whether the framework notices before the first request, without any type checker."""
        return "check" in self.noticed or "start" in self.noticed

    @property
    def first(self) -> str:
        """The earliest stage that notices, or what happens when none does."""
        for stage in STAGES:
            if stage in self.noticed:
                return stage
        return "never, wrong answers" if self.silent_change else "never"


def judge(implementation: Implementation, environment: Environment) -> list[Verdict]:
    """Try every mistake of the implementation's `mistakes` folder."""
    with copied(implementation) as workspace:
        sound = observe(implementation, environment, workspace)
    return [
        _judge_one(implementation, environment, patch, sound) for patch in implementation.mistakes
    ]


def observe(
    implementation: Implementation, environment: Environment, workspace: Path
) -> Observation:
    """Take the sources in `workspace` through all stages."""
    type_errors = {
        "mypy": typechecks.mypy(environment, workspace),
        "pyright": typechecks.pyright(environment, workspace),
    }
    if plugins := implementation.mypy_plugins:
        type_errors["mypy + plugin"] = typechecks.mypy(environment, workspace, plugins)
    check = [argument.format(probe=PROBE) for argument in implementation.check]
    headers = [implementation.headers] if implementation.headers else []
    walked = environment.run([str(PROBE), "answers", implementation.asgi, *headers], workspace)
    return Observation(
        type_errors=type_errors,
        check=environment.run(check, workspace) if check else Outcome(0, ""),
        start=environment.run([str(PROBE), "start", implementation.asgi], workspace),
        tests=environment.run(["-m", "pytest", "-q", "--no-header", "-x", TEST_FILE], workspace),
        answers=answers_in(walked),
    )


def answers_in(walked: Outcome) -> list[tuple[str, int, str]] | None:
    """The probe's answers; None when the program did not get as far as answering."""
    if walked.failed or not (printed := _ANSWERS.search(walked.output)):
        return None
    return [(label, status, body) for label, status, body in json.loads(printed[1])]


def compare(mistake: str, sound: Observation, faulty: Observation, made: list[Change]) -> Verdict:
    """What the stages say about the faulty sources that they did not say about the sound ones."""
    noticed = {
        stage: "\n".join(new)
        for stage, errors in faulty.type_errors.items()
        if (new := typechecks.added(sound.type_errors[stage], errors))
    }
    if said := new_findings(sound.check, faulty.check):
        noticed["check"] = said
    if faulty.start.failed:
        noticed["start"] = faulty.start.output
    if faulty.tests.failed:
        noticed["tests"] = faulty.tests.output
    if loud := server_errors(faulty.answers):
        noticed["runtime"] = loud
    first = next((noticed[stage] for stage in STAGES if stage in noticed), "")
    started = "\n".join(noticed[stage] for stage in ("check", "start") if stage in noticed)
    return Verdict(
        mistake,
        noticed,
        faulty.answers != sound.answers,
        names_line(first, made),
        names_line(started, made),
    )


def new_findings(sound: Outcome, faulty: Outcome) -> str:
    """The lines of a framework's own check that the sound sources do not give rise to."""
    known = {" ".join(line.split()) for line in sound.output.splitlines()}
    lines = [" ".join(line.split()) for line in faulty.output.splitlines()]
    return "\n".join(line for line in lines if line and line not in known)


def server_errors(answers: list[tuple[str, int, str]] | None) -> str:
    """The answers with a 5xx status: an error that a user of the service meets."""
    failed = [(label, status) for label, status, _ in answers or [] if status >= _SERVER_ERROR]
    return "\n".join(f"{label}: {status}" for label, status in failed)


def names_line(said: str, made: list[Change]) -> bool:
    """Whether a message points into the mistake: its file and one of its lines."""
    places = {(file, int(line)) for file, line in _PLACE.findall(said)}
    touched = {
        (change.file, line)
        for change in made
        for line in range(change.line - 1, change.line + change.added + 1)
    }
    return bool(places & touched)


def _judge_one(
    implementation: Implementation, environment: Environment, patch: Path, sound: Observation
) -> Verdict:
    with copied(implementation) as workspace:
        apply(patch, workspace)
        faulty = observe(implementation, environment, workspace)
    return compare(patch.stem, sound, faulty, changes(patch.read_text()))
