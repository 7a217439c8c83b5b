"""Finding an application by its name, as uvicorn names one or as a project registers it."""

from __future__ import annotations

import difflib
import importlib
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from twofold.errors import Mistake, WiringProblems
from twofold.wiring.application import Application

GROUP = "twofold.apps"


def registered(folder: Path) -> dict[str, str]:
    """Short names: of installed packages (entry points) and of the project in ``folder``.

    A project registers its own in pyproject.toml under ``[tool.twofold.apps]``.
    """
    found = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    file = folder / "pyproject.toml"
    if file.is_file():
        tool = tomllib.loads(file.read_text("utf-8")).get("tool", {})
        found |= tool.get("twofold", {}).get("apps", {})
    return found


def find_application(name: str, folder: Path) -> Application:
    """The application ``name`` stands for: ``package.module:attribute`` or a short name.

    Raises WiringProblems if there is none, or if importing it fails.
    """
    known = registered(folder)
    target = known.get(name, name)
    module_name, _, attribute = target.partition(":")
    if not attribute:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        listed = ", ".join(sorted(known)) or "none registered"
        raise WiringProblems(
            [Mistake(f"no application {name!r}: {hint}name it package.module:app, or {listed}")]
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        raise WiringProblems([Mistake(f"can't import {module_name}: {exc}")]) from exc
    application = getattr(module, attribute, None)
    if not isinstance(application, Application):
        raise WiringProblems([Mistake(f"{target} is not an Application")])
    return application
