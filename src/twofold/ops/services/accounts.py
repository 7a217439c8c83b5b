"""Running as somebody else: servers that refuse to work for root."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Sequence
from pathlib import Path

from twofold.ops.services.service import ServiceProblem


def account_for(*names: str) -> str:
    """The first of these accounts that exists, when we are root; "" for ourselves."""
    if os.geteuid() != 0:
        return ""
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in names:
        if name in known:
            return name
    raise ServiceProblem(f"root needs an account to run this server as: adduser {names[0]}")


def as_account(account: str, command: Sequence[str]) -> list[str]:
    """The command, run by ``account`` and with none of our rights; unchanged for ""."""
    if not account:
        return list(command)
    entry = pwd.getpwnam(account)
    drop = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    return [*drop, *command]


def can_enter(folder: Path) -> bool:
    """Whether any account may go down to ``folder``."""
    return all(path.stat().st_mode & 0o001 for path in [folder, *folder.resolve().parents])


def enterable(folder: Path) -> Path:
    """``folder``, made, or a folder of the same name below the temporary one.

    Home folders are closed to others on most machines, and their modes are not ours to change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if can_enter(folder.parent):
        return folder
    name = str(folder.resolve()).strip("/").replace("/", "-")
    shelter = Path(tempfile.gettempdir()) / f"twofold-services-{os.geteuid()}"
    shelter.mkdir(exist_ok=True)
    # Everybody may write where this is; a link laid there must not lead us elsewhere.
    if shelter.is_symlink() or shelter.stat().st_uid != os.geteuid():
        raise ServiceProblem(f"{shelter} is not ours; remove it, or name a folder with --folder")
    elsewhere = shelter / name
    elsewhere.mkdir(exist_ok=True)
    return elsewhere
