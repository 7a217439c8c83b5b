"""Charts as SVG, made on the server: readable without scripts, each with the table behind it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from markupsafe import Markup, escape


class Bar(msgspec.Struct, frozen=True):
    """One value of a chart: its name, its size, how that is written, and where it leads."""

    label: str
    value: Decimal
    shown: str
    href: str = ""


def columns(title: str, bars: Sequence[Bar], *, height: int = 180) -> Markup:
    """Upright bars in order, such as months. Negative values hang below the line."""
    if not bars:
        return Markup("")
    width, gap, foot = 720, 6, 22
    top = max((bar.value for bar in bars), default=Decimal(0))
    low = min((bar.value for bar in bars), default=Decimal(0))
    top, low = max(top, Decimal(0)), min(low, Decimal(0))
    span = (top - low) or Decimal(1)
    step = width / len(bars)
    room = height - foot - 8
    zero = 8 + float(top / span) * room
    parts = [_line(0, zero, width, zero)]
    every = max(1, len(bars) // 13 + 1)
    for index, bar in enumerate(bars):
        size = float(abs(bar.value) / span) * room
        y = zero - size if bar.value >= 0 else zero
        x = index * step + gap / 2
        shape = _rect(x, y, max(1.0, step - gap), max(1.0, size), bar)
        parts.append(_linked(shape, bar))
        if index % every == 0:
            middle = x + (step - gap) / 2
            parts.append(
                f'<text class="axis" x="{middle:.1f}" y="{height - 6}" text-anchor="middle">'
                f"{escape(bar.label)}</text>"
            )
    return _svg(title, bars, width, height, parts)


def ranks(title: str, bars: Sequence[Bar]) -> Markup:
    """Lying bars, the largest first."""
    if not bars:
        return Markup("")
    width, row, name = 720, 30, 220
    top = max((abs(bar.value) for bar in bars), default=Decimal(1)) or Decimal(1)
    parts = []
    for index, bar in enumerate(bars):
        y = index * row
        size = float(abs(bar.value) / top) * (width - name - 130)
        label = bar.label if len(bar.label) <= 30 else f"{bar.label[:29]}…"
        shape = (
            f'<text class="name" x="0" y="{y + 19}">{escape(label)}</text>'
            + _rect(name, y + 6, max(2.0, size), row - 14, bar)
            + f'<text class="figure" x="{name + size + 8:.1f}" y="{y + 19}">'
            f"{escape(bar.shown)}</text>"
        )
        parts.append(_linked(shape, bar))
    return _svg(title, bars, width, row * len(bars), parts)


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


def _svg(title: str, bars: Sequence[Bar], width: int, height: int, parts: Sequence[str]) -> Markup:
    largest = max(bars, key=lambda bar: bar.value)
    about = f"{len(bars)} values, the largest is {largest.label} with {largest.shown}"
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}: {escape(about)}"><title>{escape(title)}</title>'
        f"<desc>{escape(about)}</desc>{''.join(parts)}</svg>"
    )


def _rect(x: float, y: float, width: float, height: float, bar: Bar) -> str:
    kind = " below" if bar.value < 0 else ""
    return (
        f'<rect class="bar{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="2"><title>{escape(bar.label)}: {escape(bar.shown)}</title>'
        "</rect>"
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="zero" x1="{x1}" y1="{y1:.1f}" x2="{x2}" y2="{y2:.1f}"/>'


def _linked(shape: str, bar: Bar) -> str:
    if not bar.href:
        return shape
    label = f"{escape(bar.label)}: {escape(bar.shown)}"
    return f'<a href="{escape(bar.href)}" aria-label="{label}">{shape}</a>'
