"""The application as the measurements run it: behind a real sign-in, with data where they want."""

from pathlib import Path

import jwt

from proposals import app as application
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.runtime.system import System

_SECRET = "known to the measurements alone"[:32].ljust(32, ".")
_EXPIRES = 2**33
KEPT = Path("proposals.db")


def system(file: Path = KEPT) -> System:
    """A system whose events are kept in ``file``."""
    return assemble(application, read_settings("training", {"TWOFOLD_LOG": f"sqlite:///{file}"}))


def app() -> HttpApp:
    """What a web server would be given."""
    return HttpApp(system(), SecuritySettings(secret=_SECRET))


def headers(caller: str, roles: str) -> dict[str, str]:
    """How a caller proves who they are."""
    claims = {"sub": caller, "roles": roles.split(), "exp": _EXPIRES}
    return {"Authorization": f"Bearer {jwt.encode(claims, _SECRET, algorithm='HS256')}"}
