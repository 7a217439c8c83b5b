"""A whole application for one test: in memory, in virtual time, over HTTP without sockets.

    with site(app) as web:
        made = web.post("/api/proposals", {"title": "Safety"}, by="ada")
        assert web.get(f"/api/proposals/{made.json['id']}").json["status"] == "submitted"

Routing, sign-in, rules, read models and consistency tokens are the real ones. Like a browser, the
site keeps the token of what it did and sends it with what it asks next, so that it sees its own
work in every mode. Tests that use it are plain functions, not coroutines.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import unquote, urlencode

import jwt
import msgspec

from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.http.asgi import HttpApp, http_app
from twofold.http.exchange import Scope
from twofold.http.security import SecuritySettings
from twofold.runtime.clock import SeededChance
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.system import System
from twofold.testing.virtual_time import START, VirtualClock, virtual_runner
from twofold.wiring.application import Application

R = TypeVar("R")
_SECRET = "signs the tokens of callers in tests alone"
# Signatures are checked against the real clock, which the virtual one does not follow.
_EXPIRES = int(datetime(9999, 1, 1).timestamp())
_REQUEST_SECONDS = 0.001
# No notification gets lost in memory, so there is little to poll for while time passes.
_SETTINGS = RuntimeSettings(
    poll_seconds=3600.0, timer_poll_seconds=3600.0, lease_seconds=10_800.0, own_rows=False
)
_TOKEN = "consistency-token"
_PATIENT = "wait=30"


class Response:
    """What came back. Names of ``headers`` are in lower case."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def __repr__(self) -> str:
        return f"<{self.status} {self.text}>"


class Run(Protocol):
    """Runs a coroutine to its end."""

    def __call__(self, work: Coroutine[Any, Any, R], /) -> R: ...


class Site:
    """An application to send requests to; ``system`` is what runs behind it."""

    def __init__(self, http: HttpApp, run: Run) -> None:
        self.system: System = http.system
        self._http = http
        self._run = run
        self._token = ""

    def get(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        *,
        by: str = "",
        roles: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Ask. ``by`` is who is signed in; an account of the application has its own roles."""
        asked = f"{path}?{urlencode(query, doseq=True)}" if query else path
        kept = {_TOKEN: self._token} if self._token else {}
        return self.send(
            "GET", asked, None, by=by, roles=roles, headers={**kept, **(headers or {})}
        )

    def post(
        self,
        path: str,
        body: object = None,
        *,
        by: str = "",
        roles: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a command. ``body`` goes out as JSON, bytes as they are."""
        return self.send("POST", path, body, by=by, roles=roles, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str = "",
        roles: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Any request; it takes a millisecond."""
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if by:
            sent.setdefault("authorization", f"Bearer {self._bearer(by, roles)}")
        if method != "GET" and self.system.queued.asynchronous:
            sent.setdefault("prefer", _PATIENT)
        response = self.run(_exchanged(self._http, method, path, sent, _content(body)))
        if method != "GET" and _TOKEN in response.headers:
            new = response.headers[_TOKEN]
            self._token = self.system.tokens.merged(self._token, new) if self._token else new
        return response

    @property
    def now(self) -> datetime:
        """What its clock shows."""

        async def look() -> datetime:
            return self.system.clock.now()

        return self.run(look())

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.run(self.system.clock.sleep(seconds))

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine beside the application, such as ``system.send(…)``."""
        return self._run(work)

    def _bearer(self, by: str, roles: Sequence[str]) -> str:
        known = {account.account: account for account in self.system.application.accounts}
        if by in known and not roles:
            roles = known[by].roles
        claims = {"sub": by, "name": by, "roles": list(roles), "exp": _EXPIRES}
        return jwt.encode(claims, _SECRET, algorithm="HS256")


@contextmanager
def site(
    application: Application,
    *,
    projections: Literal["inline", "async"] = "inline",
    commands: Literal["sync", "async"] = "sync",
    seed: int = 0,
    start: datetime = START,
    settings: RuntimeSettings | None = None,
) -> Iterator[Site]:
    """``application``, running. ``seed`` chooses ids and the order of what happens at once.

    Where commands are decided later, the site waits for each that it sends.
    """
    given = settings or _SETTINGS
    settings = msgspec.structs.replace(given, projections=projections, commands=commands)
    system = System(
        application,
        MemoryLog(),
        MemoryReadStore(),
        clock=VirtualClock(start),
        chance=SeededChance(seed),
        settings=settings,
    )
    http = http_app(system, SecuritySettings(secret=_SECRET))
    with virtual_runner(seed) as runner:
        runner.run(http.start())
        try:
            yield Site(http, runner.run)
        finally:
            runner.run(http.stop())


def site_fixture(
    application: Application,
    *,
    projections: Literal["inline", "async"] = "inline",
    commands: Literal["sync", "async"] = "sync",
    seed: int = 0,
) -> Any:
    """A pytest fixture that gives each test a site of its own: ``web = site_fixture(app)``."""
    # Here, because sites work without pytest too.
    import pytest

    def started() -> Iterator[Site]:
        with site(application, projections=projections, commands=commands, seed=seed) as running:
            yield running

    return pytest.fixture(started)


def _content(body: object) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


async def _exchanged(
    app: HttpApp, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Response:
    """One exchange by ASGI; the client is gone once it has sent its request."""
    await app.system.clock.sleep(_REQUEST_SECONDS)
    incoming = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
    outgoing: list[Any] = []

    async def receive() -> Any:
        return incoming.pop(0) if len(incoming) > 1 else incoming[0]

    async def send(message: Any) -> None:
        outgoing.append(message)

    await app(_scope(method, path, headers), receive, send)
    start, *parts = outgoing
    answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Response(start["status"], answered, b"".join(part.get("body", b"") for part in parts))


def _scope(method: str, path: str, headers: Mapping[str, str]) -> Scope:
    plain, _, query = path.partition("?")
    sent = {"host": "test", "content-type": "application/json", **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(plain),
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "server": ("test", 80),
        "client": ("test", 1),
        "root_path": "",
    }
