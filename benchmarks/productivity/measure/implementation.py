"""An implementation of the feature: a folder that follows the conventions of FEATURE.md."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

MARKER = "implementation.toml"
TEST_FILE = "test_proposals.py"


@dataclass(frozen=True)
class Implementation:
    """One folder of the comparison and what its `implementation.toml` says.

    `start` and `check` are arguments for Python; `{probe}` stands for our start-up probe.
    """

    folder: Path
    name: str
    asgi: str
    packages: tuple[str, ...]
    check: tuple[str, ...] = ()
    mypy_plugins: tuple[str, ...] = ()
    headers: str = ""
    project: str = ""

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def sources(self) -> list[Path]:
        """The files that a user writes for the feature, tests included."""
        return sorted(self.folder.glob("*.py"))

    @property
    def mistakes(self) -> list[Path]:
        return sorted((self.folder / "mistakes").glob("m*.patch"))


def load(folder: Path) -> Implementation:
    """Read the folder's `implementation.toml`; an unknown key in it is an error."""
    told = tomllib.loads((folder / MARKER).read_text())
    lists = {key: tuple(value) for key, value in told.items() if isinstance(value, list)}
    return Implementation(folder=folder, **{**told, **lists})


def discover(root: Path) -> list[Implementation]:
    """Every folder under `root` with an `implementation.toml`, ours (`twofold_`) first."""
    folders = [marker.parent for marker in root.glob(f"*/{MARKER}")]
    return [load(folder) for folder in sorted(folders, key=_ours_first)]


def _ours_first(folder: Path) -> tuple[bool, str]:
    return folder.name != "twofold_", folder.name
