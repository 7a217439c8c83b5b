"""A process of an application: its system behind a web server, until it is told to stop."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn

from twofold.assembly.assemble import assemble
from twofold.assembly.settings import Settings
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
    """Serve until SIGTERM or SIGINT, then drain; whether it ever started."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        # Its lines take the way of all others.
        log_config=None,
        lifespan="on",
        loop="uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
        http="httptools",
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    server = _Server(config, started, app.drain)
    # Where it can't start it would end the process with an exit code of its own.
    with contextlib.suppress(SystemExit):
        server.run()
    return server.started


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, started: Callable[[], None], drain: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._tell = started
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Connections are waited for, so those without an end are ended first.

        A process that has drained ends well; uvicorn would have it die of the signal afterwards.
        """
        self._drain()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._tell()
