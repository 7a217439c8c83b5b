"""The lag over time as a picture: made on the server, readable without scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec
from markupsafe import Markup, escape

from twofold.messages.recorded import moment

_WIDTH, _HEIGHT = 720, 180
_HEAD, _FOOT = 24, 22
_POINTS = 120
_STEPS = (1.0, 2.0, 5.0, 10.0)


class Point(msgspec.Struct, frozen=True):
    """The largest lag in a stretch of time that ends at ``time``."""

    time: datetime
    seconds: float
    shown: str


def points(samples: Sequence[tuple[int, float]], most: int = _POINTS) -> list[Point]:
    """At most so many points, of samples (time in microseconds, lag in seconds) in order."""
    size = max(1, math.ceil(len(samples) / most))
    found = []
    for begin in range(0, len(samples), size):
        stretch = samples[begin : begin + size]
        seconds = max(lag for _, lag in stretch)
        found.append(Point(moment(stretch[-1][0]), seconds, span(seconds)))
    return found


def lag_chart(title: str, found: Sequence[Point]) -> Markup:
    """A line over time; "" of fewer than two points. Pointing at it shows the figures."""
    if len(found) < 2:
        return Markup("")
    top = _nice(max(point.seconds for point in found))
    begin, end = found[0].time.timestamp(), found[-1].time.timestamp()
    width = max(1.0, end - begin)
    places = [
        (
            _WIDTH * (point.time.timestamp() - begin) / width,
            _HEAD + (_HEIGHT - _HEAD - _FOOT) * (1 - point.seconds / top),
        )
        for point in found
    ]
    floor = _HEIGHT - _FOOT
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    largest = max(found, key=lambda point: point.seconds)
    about = f"{len(found)} points, the largest {largest.shown} at {largest.time:%H:%M:%S} UTC"
    parts = [
        f'<line class="zero" x1="0" x2="{_WIDTH}" y1="{floor}" y2="{floor}"/>',
        f'<line class="zero" x1="0" x2="{_WIDTH}" y1="{_HEAD}" y2="{_HEAD}"/>',
        f'<text x="0" y="{_HEAD - 6}">{span(top)}</text>',
        f'<polygon class="under" points="0,{floor} {line} {_WIDTH},{floor}"/>',
        f'<polyline class="line" points="{line}"/>',
        *_hovers(found, places),
        *_times(found),
    ]
    return Markup(
        f'<svg class="chart lag" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}: {escape(about)}">{"".join(parts)}</svg>'
    )


def lately(title: str, seconds: Sequence[float]) -> Markup:
    """A small line that stands on nothing, to be seen beside a figure; its place is kept free while
    there are fewer than two points, so that nothing moves when it comes.
    """
    line = ""
    if len(seconds) > 1:
        top, step = max(0.1, *seconds), 120 / (len(seconds) - 1)
        places = (f"{n * step:.1f},{26 - 24 * one / top:.1f}" for n, one in enumerate(seconds))
        line = f'<polyline points="{" ".join(places)}"/>'
    return Markup(
        '<svg class="spark" viewBox="0 0 120 28" role="img" '
        f'aria-label="{escape(title)}">{line}</svg>'
    )


def span(seconds: float) -> str:
    """``0.25`` → ``250 ms``, ``90`` → ``1.5 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h" if seconds < 172_800 else f"{seconds / 86_400:,.0f} days"


def _hovers(found: Sequence[Point], places: Sequence[tuple[float, float]]) -> list[str]:
    step = _WIDTH / (len(found) - 1)
    parts = []
    for point, (x, _) in zip(found, places, strict=True):
        label = f"{point.shown} at {point.time:%H:%M:%S} UTC"
        middle = min(max(x, 90), _WIDTH - 90)
        parts.append(
            f'<g class="value"><rect class="area" x="{x - step / 2:.1f}" y="0" '
            f'width="{step:.1f}" height="{_HEIGHT}"/>'
            f'<text class="hover" x="{middle:.1f}" y="12" text-anchor="middle">{label}</text></g>'
        )
    return parts


def _times(found: Sequence[Point]) -> list[str]:
    first, last = found[0].time, found[-1].time
    return [
        f'<text x="0" y="{_HEIGHT - 6}">{first:%H:%M:%S}</text>',
        f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">{last:%H:%M:%S} UTC</text>',
    ]


def _nice(value: float) -> float:
    """A round number above ``value``, at least a tenth of a second."""
    value = max(value, 0.1)
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if step * power >= value - 1e-12)
