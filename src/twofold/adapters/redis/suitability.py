"""Whether a Redis server keeps what it acknowledges."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from twofold.adapters.redis.server import RedisServer
from twofold.errors import BrokerUnavailable, BrokerUnsuitable

_LOG = structlog.get_logger("twofold.redis")
_OLDEST = (6, 2)
_EVERY_SYNC = ("always", "everysec")


class Facts(dict[str, str]):
    """What a server tells of itself, "" for what it does not tell."""

    def __missing__(self, name: str) -> str:
        return ""


async def told_by(server: RedisServer) -> Facts:
    """Facts of INFO, and of CONFIG where that is allowed. Raises BrokerUnavailable."""
    (info,) = await server.ask(("INFO",))
    facts = Facts(
        line.split(":", 1) for line in info.decode("utf-8", "replace").splitlines() if ":" in line
    )
    try:
        # Hosted servers often refuse this.
        (config,) = await server.ask(("CONFIG", "GET", "*"))
    except (BrokerUnsuitable, BrokerUnavailable):
        return facts
    texts = [one.decode("utf-8", "replace") for one in config]
    facts.update(zip(texts[::2], texts[1::2], strict=True))
    return facts


def check(name: str, facts: Mapping[str, str], *, queues: bool) -> None:
    """Raise BrokerUnsuitable if acknowledged messages could be lost or mixed.

    What ``log`` channels lose can be published again from the log, so without a file a warning is
    enough for those. ``queues`` tells whether there are others.
    """
    version = facts["redis_version"]
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        raise BrokerUnsuitable(name, f"it is version {version}; 6.2 or later is needed")
    if facts["cluster_enabled"] == "1":
        why = "it is a cluster, which can't write several partitions at once; use one primary"
        raise BrokerUnsuitable(name, why)
    if facts["role"] == "slave":
        raise BrokerUnavailable(name, "it is a replica; name the primary")
    policy = facts["maxmemory_policy"]
    if policy not in ("", "noeviction"):
        why = f"it drops data when memory is short (maxmemory-policy is {policy})"
        raise BrokerUnsuitable(name, f"{why}: CONFIG SET maxmemory-policy noeviction")
    _check_file(name, facts, queues=queues)


def _check_file(name: str, facts: Mapping[str, str], *, queues: bool) -> None:
    if facts["aof_enabled"] != "1":
        why = "it keeps no file of changes and forgets messages when it ends"
        remedy = "CONFIG SET appendonly yes, and appendonly yes in its configuration"
    elif facts["appendfsync"] not in ("", *_EVERY_SYNC):
        why = f"it leaves its file to the operating system (appendfsync {facts['appendfsync']})"
        remedy = "CONFIG SET appendfsync everysec, or always"
    else:
        if not facts["appendfsync"]:
            _LOG.warning("appendfsync could not be read; everysec or always is needed", broker=name)
        return
    if queues:
        raise BrokerUnsuitable(name, f"{why}: {remedy}")
    _LOG.warning("a broker may lose messages", broker=name, why=why, remedy=remedy)
