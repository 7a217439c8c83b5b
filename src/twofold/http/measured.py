"""What the runtime has measured, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from twofold.runtime.observing.measures import Measure, Measures


class MeasuredDistributions(Collector):
    """Each measure as a histogram."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """As the registry wants it."""
        return map(_histogram, self._measures.all())


def _histogram(measure: Measure) -> HistogramMetricFamily:
    family = HistogramMetricFamily(measure.name, measure.what, labels=measure.labels)
    bounds = [*(str(bound) for bound in measure.bounds), "+Inf"]
    for labels, distribution in measure.found.items():
        buckets = list(zip(bounds, accumulate(distribution.counts), strict=True))
        family.add_metric(labels, buckets, sum_value=distribution.total)
    return family
