"""A virtual environment per implementation, made once and kept until its pins change."""

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.productivity.measure.implementation import Implementation

TOOLS = Path(__file__).parent.parent / "tools.txt"
STAMP = "installed.sha256"
TIMEOUT_SECONDS = 300


class RequirementsDoNotInstall(Exception):
    """pip refused an implementation's pins; its output says which."""

    def __init__(self, name: str, output: str) -> None:
        super().__init__(f"The requirements of {name} do not install:\n{output}")
        self.name = name


@dataclass(frozen=True)
class Outcome:
    """How a program ended: its exit code and everything it printed."""

    code: int
    output: str

    @property
    def failed(self) -> bool:
        return self.code != 0


@dataclass(frozen=True)
class Environment:
    """The Python that has one implementation's requirements installed."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, arguments: list[str], cwd: Path) -> Outcome:
        """Run Python with these arguments in `cwd`; a program that hangs is a failure."""
        settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "200"}
        settings["PYTHONPATH"] = str(cwd)
        command = [str(self.python), *arguments]
        try:
            ended = subprocess.run(
                command,
                cwd=cwd,
                env=settings,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(1, f"no answer within {TIMEOUT_SECONDS} s")
        return Outcome(ended.returncode, ended.stdout)

    def versions(self, packages: tuple[str, ...]) -> dict[str, str]:
        """The installed versions of these distributions."""
        program = (
            "import importlib.metadata as m, json, sys;"
            "print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"
        )
        answer = self.run(["-c", program, *packages], self.folder)
        versions: dict[str, str] = json.loads(answer.output)
        return versions


def prepare(implementation: Implementation, cache: Path) -> Environment:
    """The implementation's environment, made anew if its requirements changed."""
    environment = Environment(cache / implementation.key)
    requirements = implementation.folder / "requirements.txt"
    stamp = sha256(requirements.read_bytes() + TOOLS.read_bytes()).hexdigest()
    kept = environment.folder / STAMP
    if not kept.exists() or kept.read_text() != stamp:
        venv.create(environment.folder, with_pip=True, clear=True)
        _install(environment, implementation, requirements)
        kept.write_text(stamp)
    return environment


def _install(environment: Environment, implementation: Implementation, requirements: Path) -> None:
    wanted = ["-r", str(requirements), "-r", str(TOOLS)]
    if implementation.project:
        wanted += ["-e", str(implementation.folder / implementation.project)]
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    ended = environment.run([*pip, *wanted], implementation.folder)
    if ended.failed:
        raise RequirementsDoNotInstall(implementation.name, ended.output)
