"""How the runtime is to work; built by ``twofold.assembly`` from the environment."""

from __future__ import annotations

from typing import Literal

import msgspec

from twofold.runtime.alerting.limits import AlertLimits
from twofold.runtime.portions import Limit


class RuntimeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Modes and limits. Times are in seconds, sizes in events or commands.

    ``partitions``: into how many parts the work of relay and projectors is divided.
    ``channel_prefix``: stands before the names of all channels at the broker.
    ``max_event_bytes``: the largest event that is recorded, 0 for no limit.
    ``tail_events``, ``tail_bytes``: how many of the newest events a process keeps in memory.
    ``command_partitions``: how many workers can share accepted commands. ``broker`` names the kind
    of the transport, whose offsets mean nothing to another; ``log_database`` and ``read_database``
    name the kinds of the stores for traces.
    ``parked_attempts``: how often a sequence is tried before it waits for a person.
    ``parked_limit``, ``parked_limit_per_cause``: how many sequences of a projection may wait.
    ``rejected_messages``: how many messages of a channel are kept aside at most.
    ``canary_seconds``: how often canaries are sent, 0 for never; ``canary_limit_seconds``: after
    how long one that is not seen means that something is broken.
    ``verify_share``: the share of its time that a process spends on comparing read models with the
    log, 0 for none; ``verify_round_seconds``: at most one round in that time.
    ``own_rows``: whether ``StateStored(…, rows=…)`` is kept in the team's tables; without, beside
    the log, where there is no database to have tables.
    """

    projections: Literal["inline", "async"] = "inline"
    command_batch: int = 500
    decide_attempts: int = 8
    cached_streams: int = 20_000
    projection_batch: int = 2_000
    partitions: int = 1
    channel_prefix: str = ""
    relay_batch: int = 2_000
    max_event_bytes: int = 0
    lease_seconds: float = 3.0
    tail_events: int = 20_000
    tail_bytes: int = 32 * 1024 * 1024
    process_batch: int = 500
    timer_batch: int = 1_000
    dispatch_lanes: int = 200
    dispatch_grace_seconds: float = 2.0
    timer_poll_seconds: float = 0.5
    poll_seconds: float = 1.0
    retry_seconds: float = 0.2
    retry_limit_seconds: float = 30.0
    wait_seconds: float = 2.0
    wait_limit_seconds: float = 30.0
    hold_projections_seconds: float = 0.0
    rebuild_at_start_events: int = 20_000
    canary_seconds: float = 0.0
    canary_limit_seconds: float = 10.0
    own_rows: bool = True
    commands: Literal["sync", "async"] = "sync"
    broker: str = ""
    log_database: str = "memory"
    read_database: str = "memory"
    command_partitions: int = 16
    commands_in_hand: int = 1_000
    command_attempts: int = 5
    rejected_messages: int = 10_000
    drain_seconds: float = 5.0
    parked_attempts: int = 5
    parked_limit: int = 1_000
    parked_limit_per_cause: int = 100
    alerts: AlertLimits = AlertLimits()
    verify_share: float = 0.0
    verify_round_seconds: float = 60.0

    @property
    def tail(self) -> Limit:
        """What a process keeps in memory of the newest events."""
        return Limit(self.tail_events, self.tail_bytes)

    def channel(self, application: str, content: str) -> str:
        """The name of the channel that carries ``content`` ("events") of an application."""
        return f"{self.channel_prefix}{application}.{content}"
