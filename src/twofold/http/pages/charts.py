"""Charts as SVG, made on the server: readable without scripts, each with the table behind it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from markupsafe import Markup, escape

from twofold.http.pages.forms import anchor

_WIDTH = 720
_COLUMNS_HEIGHT = 200
_HEAD, _FOOT = 20, 22
_GAP = 6
_LABELS = 13


class Bar(msgspec.Struct, frozen=True):
    """One value of a chart: its name, its size, how that is written, and where it leads."""

    label: str
    value: Decimal
    shown: str
    href: str = ""


def columns(title: str, bars: Sequence[Bar]) -> Markup:
    """Upright bars in order, such as months. Negative values hang below the line."""
    if not bars:
        return Markup("")
    top = max(Decimal(0), *(bar.value for bar in bars))
    low = min(Decimal(0), *(bar.value for bar in bars))
    scale = (_COLUMNS_HEIGHT - _HEAD - _FOOT) / float((top - low) or 1)
    zero = _HEAD + float(top) * scale
    step = _WIDTH / len(bars)
    width = max(1.0, step - min(_GAP, step / 3))
    parts = [f'<line class="zero" x1="0" x2="{_WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}"/>']
    for index, bar in enumerate(bars):
        x, size = index * step, float(abs(bar.value)) * scale
        y = zero - size if bar.value >= 0 else zero
        # The whole height can be pointed at, however small the value.
        area = f'<rect class="area" x="{x:.1f}" y="0" width="{step:.1f}" height="{zero:.1f}"/>'
        middle = min(max(x + width / 2, 60), _WIDTH - 60)
        figure = (
            f'<text class="hover" x="{middle:.1f}" y="12" text-anchor="middle">'
            f"{escape(bar.label)}: {escape(bar.shown)}</text>"
        )
        parts.append(_linked(area + _rect(x, y, width, size, bar) + figure, bar))
    return _svg(title, bars, _COLUMNS_HEIGHT, [*parts, *_axis(bars, step, width)])


def _axis(bars: Sequence[Bar], step: float, width: float) -> list[str]:
    """As many labels as there is room for; on narrow screens the spare ones are left out."""
    every = -(-len(bars) // _LABELS)
    found = []
    for place, index in enumerate(range(0, len(bars), every)):
        kind = "axis spare" if place % 3 else "axis"
        x = index * step + width / 2
        found.append(
            f'<text class="{kind}" x="{x:.1f}" y="{_COLUMNS_HEIGHT - 6}" text-anchor="middle">'
            f"{escape(bars[index].label)}</text>"
        )
    return found


def ranks(bars: Sequence[Bar]) -> Markup:
    """Lying bars, the largest first: a list, so that it fits any width."""
    top = max((abs(bar.value) for bar in bars), default=Decimal(1)) or Decimal(1)
    rows = (_rank(bar, float(abs(bar.value) / top) * 100) for bar in bars)
    return Markup(f'<ol class="ranks">{"".join(rows)}</ol>')


def _rank(bar: Bar, percent: float) -> str:
    name = escape(bar.label)
    if bar.href:
        name = Markup(f'<a href="{escape(bar.href)}">{name}</a>')
    picture = _rect(0, 0, max(0.5, percent), 8, bar)
    return (
        f'<li><span class="name">{name}</span><svg class="chart" viewBox="0 0 100 8" '
        f'preserveAspectRatio="none" aria-hidden="true">{picture}</svg>'
        f'<span class="shown">{escape(bar.shown)}</span></li>'
    )


def sparkline(title: str, values: Sequence[Decimal]) -> Markup:
    """A line without axes, to be seen beside a figure."""
    if len(values) < 2:
        return Markup("")
    width, height = 120, 28
    top, low = max(values), min(values)
    span = (top - low) or Decimal(1)
    step = width / (len(values) - 1)
    points = " ".join(
        f"{i * step:.1f},{2 + float((top - v) / span) * (height - 4):.1f}"
        for i, v in enumerate(values)
    )
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}"><polyline points="{points}"/></svg>'
    )


def places(taken: int, maximum: int, minimum: int = 0) -> Markup:
    """How many of the places are taken, with the minimum as a line."""
    width, height = 120, 10
    left = max(0, maximum - taken)
    whole = max(maximum, 1)
    size = width * min(taken, whole) / whole
    kind = "none" if left == 0 else "few" if left * 5 <= maximum else "free"
    at = width * minimum / whole
    line = f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}"/>' if minimum else ""
    title = f"{taken} of {maximum} places taken" + (f", {minimum} needed" if minimum else "")
    return Markup(
        f'<svg class="places {kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect class="all" width="{width}" height="{height}" rx="5"/>'
        f'<rect class="taken" width="{size:.1f}" height="{height}" rx="5"/>{line}</svg>'
    )


def _svg(title: str, bars: Sequence[Bar], height: int, parts: Sequence[str]) -> Markup:
    largest = max(bars, key=lambda bar: bar.value)
    about = f"{len(bars)} values, the largest is {largest.label} with {largest.shown}"
    mark = f"chart-{anchor(title)}"
    # Links inside an image would not exist for screen readers; a group keeps them.
    role = "group" if any(bar.href for bar in bars) else "img"
    return Markup(
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="{role}" '
        f'aria-labelledby="{mark}" aria-describedby="{mark}-about">'
        f'<title id="{mark}">{escape(title)}</title>'
        f'<desc id="{mark}-about">{escape(about)}</desc>{"".join(parts)}</svg>'
    )


def _rect(x: float, y: float, width: float, height: float, bar: Bar) -> str:
    kind = "bar below" if bar.value < 0 else "bar"
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{max(1.0, height):.1f}" rx="2"/>'
    )


def _linked(shape: str, bar: Bar) -> str:
    label = f"{escape(bar.label)}: {escape(bar.shown)}"
    if not bar.href:
        return f'<g class="value"><title>{label}</title>{shape}</g>'
    return f'<a class="value" href="{escape(bar.href)}" aria-label="{label}">{shape}</a>'
