"""Charts can be read by everybody."""

from __future__ import annotations

from decimal import Decimal
from xml.etree import ElementTree

import pytest

from twofold.http.pages.charts import Bar, columns, places, ranks, sparkline

SVG = "{http://www.w3.org/2000/svg}"
BARS = [
    Bar("Jan", Decimal(10), "£10.00", "/revenue?month=2026-01&by=day"),
    Bar("Feb <b>", Decimal(-5), "-£5.00"),
    Bar("Mar", Decimal(0), "£0.00"),
]


def parsed(markup: str) -> ElementTree.Element:
    # Not the method: that of Markup would escape what it puts in.
    return ElementTree.fromstring(str.replace(markup, "<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def test_a_chart_has_a_title_and_says_what_it_shows() -> None:
    chart = parsed(columns("Net revenue", BARS))
    assert chart.findtext(f"{SVG}title") == "Net revenue"
    about = chart.findtext(f"{SVG}desc") or ""
    assert "3 values" in about
    assert "Jan" in about


def test_values_below_nothing_hang_below_the_line() -> None:
    chart = parsed(columns("Net", BARS))
    line = float(chart.find(f"{SVG}line").get("y1", ""))  # type: ignore[union-attr]
    tops = {rect.get("class"): float(rect.get("y", "")) for rect in chart.iter(f"{SVG}rect")}
    assert tops["bar below"] == pytest.approx(line)
    assert tops["area"] == 0


def test_texts_are_never_markup() -> None:
    assert "<b>" not in columns("A <b>", BARS)
    assert "<b>" not in ranks(BARS)


def test_bars_that_lead_somewhere_are_links_with_names() -> None:
    (link,) = parsed(columns("Net", BARS)).iter(f"{SVG}a")
    assert link.get("href") == "/revenue?month=2026-01&by=day"
    assert link.get("aria-label") == "Jan: £10.00"


@pytest.mark.parametrize("count", [1, 12, 31, 400])
def test_labels_do_not_crowd(count: int) -> None:
    bars = [Bar(str(number), Decimal(number), "") for number in range(count)]
    labels = [
        text
        for text in parsed(columns("Net", bars)).iter(f"{SVG}text")
        if (text.get("class") or "").startswith("axis")
    ]
    assert 1 <= len(labels) <= 13


def test_nothing_is_drawn_of_nothing() -> None:
    assert columns("Net", []) == ""
    assert sparkline("Net", [Decimal(1)]) == ""


@pytest.mark.parametrize(
    ("taken", "maximum", "kind"),
    [(0, 10, "free"), (8, 10, "few"), (10, 10, "none"), (3, 0, "none")],
)
def test_places_tell_how_many_are_taken(taken: int, maximum: int, kind: str) -> None:
    picture = parsed(places(taken, maximum, 4))
    assert picture.get("class") == f"places {kind}"
    assert picture.get("aria-label") == f"{taken} of {maximum} places taken, 4 needed"
