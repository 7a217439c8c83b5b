"""What mypy and pyright see in a workspace."""

import json
import re
from collections import Counter
from pathlib import Path

from benchmarks.productivity.measure.environment import Environment

_MYPY_LINE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): error: (?P<message>.*)")


def mypy(environment: Environment, workspace: Path, plugins: tuple[str, ...] = ()) -> list[str]:
    """The errors of `mypy --strict`, as `file:line: message`; without plugins unless given."""
    settings = workspace.parent / "mypy.ini"
    settings.write_text(f"[mypy]\nstrict = True\nplugins = {', '.join(plugins)}\n")
    cache = environment.folder / ("mypy-with-plugins" if plugins else "mypy")
    options = ["--config-file", str(settings), "--cache-dir", str(cache), "--no-error-summary"]
    ended = environment.run(["-m", "mypy", *options, *_files(workspace)], workspace)
    return mypy_errors(ended.output)


def mypy_errors(output: str) -> list[str]:
    """The error lines in what mypy printed, notes left out."""
    return [line for line in output.splitlines() if _MYPY_LINE.match(line)]


def pyright(environment: Environment, workspace: Path, mode: str = "standard") -> list[str]:
    """The errors of pyright in one of its modes, as `file:line: message`."""
    settings = workspace / "pyrightconfig.json"
    settings.write_text(json.dumps({"typeCheckingMode": mode}))
    options = ["--outputjson", "--pythonpath", str(environment.python), "--project", str(settings)]
    ended = environment.run(["-m", "pyright", *options], workspace)
    settings.unlink()
    return pyright_errors(ended.output)


def pyright_errors(output: str) -> list[str]:
    """The errors in pyright's JSON; whatever is printed around the JSON is skipped."""
    report = json.loads(output[output.index("{") : output.rindex("}") + 1])
    return [
        f"{Path(found['file']).name}:{found['range']['start']['line'] + 1}: {found['message']}"
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    ]


def added(before: list[str], after: list[str]) -> list[str]:
    """The errors that a change brought, if it brought more than it took away.

    One message in place of another is no help: among the many about right code it says nothing.
    """
    if len(after) <= len(before):
        return []
    known = Counter(map(_without_line, before))
    new: list[str] = []
    for error in after:
        if known[_without_line(error)]:
            known[_without_line(error)] -= 1
        else:
            new.append(error)
    return new


def _without_line(error: str) -> str:
    return re.sub(r":\d+:", ":", error, count=1)


def _files(workspace: Path) -> list[str]:
    return sorted(path.name for path in workspace.glob("*.py"))
