"""Conformance of the read store: what is asked of it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest

from twofold.ports.read_store import (
    Condition,
    FacetCount,
    ReadStore,
    Scalar,
    Select,
    Summed,
    Sums,
)
from twofold.testing.conformance.read_rows import (
    BEGIN,
    TABLE,
    any_of,
    keys,
    put,
    row,
)


class ReadQueries:
    """Lists, texts, facets and sums; a part of ``ReadStoreConformance``."""

    @pytest.mark.parametrize(
        ("column", "values"),
        [
            ("name", ["Z", "a", "ä", "日", None]),
            ("price", [Decimal("-1"), Decimal("0.1"), Decimal("2"), Decimal("10.001"), None]),
            ("units", [-5, 0, 9, 10, None]),
            ("at", [BEGIN, BEGIN + timedelta(microseconds=1), BEGIN + timedelta(days=1), None]),
            ("day", [date(1999, 12, 31), date(2026, 1, 2), date(2026, 1, 10), None]),
        ],
    )
    async def test_sorting_and_paging_agree_everywhere(
        self, store: ReadStore, column: str, values: list[Scalar]
    ) -> None:
        rows = [row(f"{n}{twin}", **{column: v}) for n, v in enumerate(values) for twin in "pq"]
        await put(store, *rows)
        for descending in (False, True):
            wanted = sorted((r.key for r in rows), reverse=descending)
            assert await keys(store, sort=(column, descending), limit=50) == wanted
            assert await _walked(store, (column, descending)) == wanted
            assert await keys(store, sort=(column, descending), offset=3, limit=2) == wanted[3:5]

    async def test_cursors_are_stable_while_rows_come_and_go(self, store: ReadStore) -> None:
        await put(store, *(row(f"{n:02}", units=n) for n in range(0, 40, 2)))
        seen: list[str] = []
        after = None
        for step in range(10):
            select = Select(sort=("units", False), after=after, limit=3)
            found = await store.select(TABLE.name, select)
            seen += [msgspec.json.decode(d)["key"] for d in found.documents]
            after = found.last
            await put(store, row(f"new{step}", units=step * 4 + 1), gone=[f"new{step - 1}"])
            if after is None:
                break
        old = [key for key in seen if not key.startswith("new")]
        assert old == [f"{n:02}" for n in range(0, 40, 2)]
        assert len(seen) == len(set(seen))

    async def test_filters(self, store: ReadStore) -> None:
        await put(
            store,
            row("a", kind="x", price=Decimal("1"), tags=("red", "big"), active=True),
            row("b", kind="y", price=Decimal("2.50"), tags=("red",), active=False),
            row("c", kind=None, price=Decimal("3"), at=BEGIN + timedelta(days=1)),
        )
        assert await keys(store, where=any_of("kind", "x", "y")) == ["a", "b"]
        assert await keys(store, where=any_of("kind", None)) == ["c"]
        assert await keys(store, where=any_of("kind", "x", None)) == ["a", "c"]
        assert await keys(store, where=any_of("kind")) == []
        assert await keys(store, where=any_of("price", Decimal("2.5"))) == ["b"]
        assert await keys(store, where=any_of("tags", "big", "blue")) == ["a"]
        assert await keys(store, where=any_of("active", False)) == ["b"]
        at_least = Condition("price", "at_least", (Decimal("2.5"),))
        assert await keys(store, where=(at_least,)) == ["b", "c"]
        at_most = Condition("price", "at_most", (Decimal("2.5"),))
        assert await keys(store, where=(at_least, at_most)) == ["b"]
        below = Condition("at", "below", (BEGIN + timedelta(days=1),))
        assert await keys(store, where=(below,)) == ["a", "b"]

    async def test_totals_and_facets(self, store: ReadStore) -> None:
        await put(
            store,
            row("a", kind="x", tags=("red", "big")),
            row("b", kind="x", tags=("red",), active=False),
            row("c", kind="y"),
            row("d", kind=None),
        )
        select = Select(
            where=any_of("kind", "x"), facets=("kind", "active", "tags"), limit=1, total=True
        )
        found = await store.select(TABLE.name, select)
        assert found.total == 2
        assert found.last == (None, "a")
        assert list(found.facets["kind"]) == [
            FacetCount("x", 2),
            FacetCount("y", 1),
            FacetCount(None, 1),
        ]
        assert list(found.facets["active"]) == [FacetCount(False, 1), FacetCount(True, 1)]
        assert list(found.facets["tags"]) == [FacetCount("red", 2), FacetCount("big", 1)]
        without = await store.select(TABLE.name, Select(total=False))
        assert without.total is None

    async def test_full_text(self, store: ReadStore) -> None:
        await put(
            store,
            row("a", title="Café <Crème>", text="for two"),
            row("b", title="Tea", text="better than cafe au lait"),
            row("c", title="Unrelated"),
        )
        assert await keys(store, text="CAFE", sort=("name", False)) == ["a", "b"]
        assert await keys(store, text="cafe cre") == ["a"]
        assert await keys(store, text="cafe tea lai") == ["b"]
        assert (await keys(store, text="cafe"))[0] == "a"
        assert await keys(store, text="two cafe") == ["a"]
        found = await store.select(TABLE.name, Select(text="caf", sort=("name", False)))
        assert list(found.highlights) == [
            {"title": "<mark>Café</mark> &lt;Crème&gt;"},
            {"text": "better than <mark>cafe</mark> au lait"},
        ]

    @pytest.mark.parametrize(
        "text",
        ['"', "a*", "AND", "a AND", "-", "NEAR(", "(", "'", "''; drop", "\\", ":*", "&|!", "🙂"],
    )
    async def test_nothing_typed_is_syntax(self, store: ReadStore, text: str) -> None:
        await put(store, row("a", title="a drop and near 🙂"))
        await store.select(TABLE.name, Select(text=text))
        assert await keys(store, text="drop") == ["a"]

    async def test_changed_texts_are_found_anew(self, store: ReadStore) -> None:
        await put(store, row("a", title="old"))
        await put(store, row("a", title="new"))
        assert await keys(store, text="old") == []
        assert await keys(store, text="new") == ["a"]
        await put(store, gone=["a"])
        assert await keys(store, text="new") == []

    async def test_sums_are_exact(self, store: ReadStore) -> None:
        prices = ("0.1", "0.2", "0.001", "999999999.99")
        await put(
            store, *(row(p, kind="x", price=Decimal(p), units=n) for n, p in enumerate(prices))
        )
        await put(store, row("other", kind="y", price=Decimal("5"), units=7))
        by_kind = await store.sums(TABLE.name, Sums("kind", ("price", "units")))
        assert list(by_kind) == [
            Summed("x", (Decimal("1000000000.291"), 6)),
            Summed("y", (Decimal("5"), 7)),
        ]
        largest = await store.sums(TABLE.name, Sums("kind", ("units",), largest_first=True))
        assert [line.value for line in largest] == ["y", "x"]
        together = await store.sums(TABLE.name, Sums(None, ("units",), any_of("kind", "x")))
        assert list(together) == [Summed(None, (6,))]
        assert list(await store.sums(TABLE.name, Sums(None, ("units",), any_of("kind", "z")))) == []


async def _walked(store: ReadStore, sort: tuple[str, bool]) -> list[str]:
    found, after = [], None
    while True:
        page = await store.select(TABLE.name, Select(sort=sort, after=after, limit=3))
        found += [msgspec.json.decode(d)["key"] for d in page.documents]
        after = page.last
        if after is None:
            return found
