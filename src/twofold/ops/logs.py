"""Structured logs: readable on a terminal, JSON elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO, cast

import structlog


class _StandardError:
    """Standard error as it is at the time: it may be replaced while loggers are kept."""

    def write(self, text: str) -> None:
        """Write."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Flush."""
        sys.stderr.flush()


def configure_logs() -> None:
    """Logs go to standard error, with time and level: what a command prints stays readable."""
    terminal = sys.stderr.isatty()
    # One list for ever: loggers that are kept hold on to the one they met first.
    processors = structlog.get_config()["processors"]
    processors[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=processors,
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=True,
    )
