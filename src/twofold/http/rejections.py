"""What is wrong with a request before it means anything."""

from __future__ import annotations

from twofold.errors import TwofoldError


class Rejection(TwofoldError):
    """A request that can't be handled as HTTP."""


class Malformed(Rejection):
    """The request can't be read."""


class BodyTooLarge(Rejection):
    """The body is larger than the limit."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the body may have at most {limit_bytes:,} bytes")


class WrongMediaType(Rejection):
    """The body is not JSON."""


class NoSuchPath(Rejection):
    """Nothing is served there."""


class MethodNotAllowed(Rejection):
    """The path exists, but not for this method."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(f"{method} is not possible here; allowed: {', '.join(allowed)}")


class ForeignOrigin(Rejection):
    """A page of another site tried to use this browser's session."""


class TooManyConnections(Rejection):
    """The process has as many live connections as it serves."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"there are {limit:,} live connections already; try again later")
