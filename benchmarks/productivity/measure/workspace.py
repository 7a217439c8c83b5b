"""A throw-away copy of an implementation, to be patched and run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy, copytree
from tempfile import TemporaryDirectory

from benchmarks.productivity.measure.implementation import Implementation


class PatchDoesNotApply(Exception):
    """A patch was made for another version of the sources; make it anew."""

    def __init__(self, patch: Path, complaint: str) -> None:
        super().__init__(f"{patch} does not apply any more: {complaint}")
        self.patch = patch


@contextmanager
def copied(implementation: Implementation) -> Iterator[Path]:
    """A copy of the implementation's own files, outside of any repository."""
    with TemporaryDirectory(prefix="productivity-") as folder:
        workspace = Path(folder).resolve() / implementation.key
        workspace.mkdir()
        for source in implementation.sources:
            copy(source, workspace)
        yield workspace


def add_folder(workspace: Path, folder: Path) -> None:
    """Put a folder of measuring code beside the copied sources."""
    copytree(folder, workspace / folder.name)


def apply(patch: Path, workspace: Path) -> None:
    """Apply a unified diff to the workspace; PatchDoesNotApply if it does not fit."""
    # The ceiling keeps git from taking a repository further up for the patch's root.
    settings = {**os.environ, "GIT_CEILING_DIRECTORIES": str(workspace.parent)}
    ended = subprocess.run(
        ["git", "apply", str(patch.resolve())],
        cwd=workspace,
        env=settings,
        text=True,
        capture_output=True,
        check=False,
    )
    if ended.returncode:
        raise PatchDoesNotApply(patch, ended.stderr.strip())
