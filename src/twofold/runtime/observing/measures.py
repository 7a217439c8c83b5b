"""How long things take and how large they are, as distributions over fixed bounds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0)


class Distribution:
    """How many observations were at most each bound (the last: above all), and their sum."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Measure:
    """Distributions by labels. ``unit`` is part of the name it is published under.

    Labels are names that the application declares, so there are only so many.
    """

    def __init__(
        self, name: str, what: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self.name = name
        self.what = what
        self.labels = tuple(labels)
        self.bounds = bounds
        self.found: dict[tuple[str, ...], Distribution] = {}

    def of(self, *labels: str) -> Distribution:
        """The distribution with these labels."""
        distribution = self.found.get(labels)
        if distribution is None:
            distribution = self.found[labels] = Distribution(self.bounds)
        return distribution

    def observe(self, value: float, *labels: str) -> None:
        """One observation."""
        self.of(*labels).observe(value)


class Measures:
    """What one process has measured since it began."""

    def __init__(self) -> None:
        self.command_seconds = Measure(
            "twofold_command_seconds",
            "From a command's arrival at the bus to its outcome: succeeded, refused, replayed, "
            "conflict, failed; decided or decided-before for those that were accepted before",
            ("command", "outcome"),
            SECONDS,
        )
        self.append_seconds = Measure(
            "twofold_append_seconds",
            "One transaction of the log: appends, command records, inline read models, commit",
            ("outcome",),
            SECONDS,
        )
        self.append_commands = Measure(
            "twofold_append_batch_commands", "Commands written by one transaction", (), SIZES
        )
        self.apply_seconds = Measure(
            "twofold_projection_apply_seconds",
            "One batch of events applied to one projection, commit included unless inline",
            ("projection", "outcome"),
            SECONDS,
        )
        self.apply_events = Measure(
            "twofold_projection_batch_events",
            "Events of one batch, whether the projection folds them or not",
            ("projection",),
            SIZES,
        )
        self.publish_seconds = Measure(
            "twofold_publish_seconds",
            "From handing a batch to the broker until all of it is acknowledged",
            ("channel", "outcome"),
            SECONDS,
        )
        self.publish_messages = Measure(
            "twofold_publish_batch_messages", "Messages of one batch", ("channel",), SIZES
        )
        self.wait_seconds = Measure(
            "twofold_query_wait_seconds",
            "How long queries with a consistency token waited for a projection: reached or late",
            ("projection", "outcome"),
            SECONDS,
        )

        self.behind_seconds = Measure(
            "twofold_query_behind_seconds",
            "How far behind the log answers were, of queries with a freshness objective",
            ("query",),
            SECONDS,
        )

    def all(self) -> Sequence[Measure]:
        """Each of them."""
        return [one for one in vars(self).values() if isinstance(one, Measure)]
