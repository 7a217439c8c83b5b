"""A process of an application: its system behind a web server, until it is told to stop."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import socket
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn

from twofold.assembly.assemble import assemble
from twofold.assembly.settings import Settings
from twofold.errors import Problem, SettingsProblems, TwofoldError
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.runtime.system import System
from twofold.wiring.application import Application

_LOG = structlog.get_logger("twofold.serving")


def build(application: Application, settings: Settings, roles: frozenset[str]) -> HttpApp:
    """The HTTP application of one process. Raises WiringProblems, SettingsProblems."""
    security = SecuritySettings(
        secret=settings.jwt_secret,
        keys=settings.jwt_keys,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        demo=settings.demo,
    )

    async def before(system: System) -> None:
        sample = application.sample
        if settings.demo and sample is not None and await system.log.head() == 0:
            _LOG.info("making sample data")
            await sample(system)

    return HttpApp(
        assemble(application, settings, roles=roles),
        security,
        max_body_bytes=settings.max_body_bytes,
        before=before if "api" in roles else None,
        serves="api" in roles,
    )


def serve(app: HttpApp, host: str, port: int, started: Callable[[], None]) -> bool:
    """Serve until SIGTERM or SIGINT, then drain; whether it ever started.

    Raises what ``HttpApp.start`` raises of ours, and SettingsProblems where nobody can listen at
    ``host`` and ``port``, which is found out first. Any other error is logged where it happened.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        # Its lines take the way of all others.
        log_config=None,
        # A lifespan's error is known to the server alone; whoever called is to have it.
        lifespan="off",
        loop="uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
        http="httptools",
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    server = _Server(config, app, started)
    with contextlib.ExitStack() as stack:
        sockets = bound(host, port)
        for one in sockets:
            stack.enter_context(one)
        try:
            server.run(sockets)
        except TwofoldError:
            raise
        except Exception as exc:
            _LOG.error("it ended" if server.started else "could not start", exc_info=exc)
            return False
    return server.started


def bound(host: str, port: int) -> list[socket.socket]:
    """Sockets for all addresses of ``host``, on which nobody listens yet. Raises SettingsProblems.

    Whoever asks before the application is up is refused instead of waiting for it.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sockets.append(one := socket.socket(family, kind, protocol))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
    except OSError as exc:
        for one in sockets:
            one.close()
        raise _no_listener(exc) from exc
    return sockets


def _no_listener(why: OSError) -> SettingsProblems:
    told = f"nobody can listen there: {why.strerror or why}; choose another address or port"
    return SettingsProblems([Problem("--host, --port", told)])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: HttpApp, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._tell = started

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Connections are waited for, so those without an end are ended first.

        A process that has drained ends well; uvicorn would have it die of the signal afterwards.
        """
        self._app.drain()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await self._app.start()
            try:
                await super().startup(sockets)
            except OSError as exc:
                # Another process had the address as well, and was up first.
                raise _no_listener(exc) from exc
        except BaseException:
            await self._app.stop()
            raise
        self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if not self.force_exit:
            await self._app.stop()
