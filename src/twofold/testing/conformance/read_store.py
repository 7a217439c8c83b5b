"""Conformance of the read store.

class TestMyStore(ReadStoreConformance):
    @pytest.fixture
    def connect(self): return lambda: MyStore(address_of_a_fresh_database)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec
import pytest

from twofold.errors import CheckpointLost, ShapeChanged
from twofold.ports.read_store import (
    BESIDE,
    Checkpoint,
    Column,
    ColumnKind,
    Condition,
    FacetCount,
    Move,
    Part,
    ReadStore,
    Row,
    Scalar,
    Select,
    Summed,
    Sums,
    Table,
)

Connect: TypeAlias = Callable[[], ReadStore]

K = ColumnKind
TABLE = Table(
    "thing_1",
    (
        Column("name", K.TEXT, sort=True, filter=True),
        Column("kind", K.TEXT, filter=True, facet=True),
        Column("price", K.DECIMAL, sort=True, filter=True, measure=True),
        Column("units", K.INTEGER, sort=True, filter=True, measure=True),
        Column("at", K.TIME, sort=True, filter=True),
        Column("day", K.DATE, sort=True, filter=True),
        Column("active", K.BOOLEAN, filter=True, facet=True),
        Column("tags", K.TEXTS, filter=True, facet=True),
    ),
    ("title", "text"),
)
BELONGING = Table(
    f"{TABLE.name}/parked",
    (Column("kind", K.TEXT, filter=True), Column("at", K.INTEGER, sort=True, filter=True)),
)
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def row(key: str, **given: Any) -> Row:
    """A row; what is not given has a default."""
    values = {
        "name": key,
        "kind": "a",
        "price": Decimal("1.50"),
        "units": 1,
        "at": _BEGIN,
        "day": date(2026, 1, 1),
        "active": True,
        "tags": (),
        **given,
    }
    texts = (values.pop("title", ""), values.pop("text", ""))
    document = msgspec.json.encode({"key": key, "title": texts[0], "text": texts[1]})
    return Row(key, document, 1, tuple(values[c.name] for c in TABLE.columns), texts)


async def put(store: ReadStore, *rows: Row, gone: Sequence[str] = ()) -> None:
    """Write in one transaction."""
    async with store.transaction() as transaction:
        await transaction.write(TABLE.name, rows, gone)


async def keys(store: ReadStore, **select: Any) -> list[str]:
    """The keys that a list answers."""
    found = await store.select(TABLE.name, Select(**select))
    return [msgspec.json.decode(document)["key"] for document in found.documents]


def any_of(column: str, *values: Scalar) -> tuple[Condition, ...]:
    """One condition."""
    return (Condition(column, "any_of", values),)


class ReadStoreConformance:
    """The rules of ``twofold.ports.read_store``."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes stores that share one fresh database."""
        raise NotImplementedError("an adapter's test gives its stores here")

    @pytest.fixture
    async def store(self, connect: Connect) -> Any:
        """An open store with the table."""
        store = connect()
        await store.open([TABLE])
        yield store
        await store.close()

    async def test_a_document_comes_back_byte_for_byte(self, store: ReadStore) -> None:
        raw = '{"b": 1,  "a":"ß 日本 \\u0041", "n":1.50}'.encode()
        await put(store, msgspec.structs.replace(row("k"), document=raw))
        assert await store.get(TABLE.name, "k") == raw
        assert await store.get(TABLE.name, "other") is None

    async def test_a_row_is_replaced_and_removed(self, store: ReadStore) -> None:
        await put(store, row("a", kind="x"), row("b"))
        await put(store, row("a", kind="y"), gone=["b"])
        assert await keys(store, where=any_of("kind", "y")) == ["a"]
        assert await keys(store, where=any_of("kind", "x")) == []
        assert await keys(store) == ["a"]

    async def test_rows_and_checkpoint_are_one(self, store: ReadStore) -> None:
        with pytest.raises(ZeroDivisionError):
            async with store.transaction() as transaction:
                await transaction.advance(Checkpoint("p", 5, 1, "e"), 0)
                await transaction.write(TABLE.name, [row("a")], [])
                raise ZeroDivisionError
        assert await store.checkpoints() == {}
        assert await keys(store) == []

    async def test_the_second_of_two_workers_loses(self, store: ReadStore) -> None:
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint("p", 5, 7, "e", "f"), 0)
        with pytest.raises(CheckpointLost):
            async with store.transaction() as transaction:
                await transaction.write(TABLE.name, [row("a")], [])
                await transaction.advance(Checkpoint("p", 5, 7, "e"), 0)
        async with store.transaction() as transaction:
            assert await transaction.checkpoint("p") == Checkpoint("p", 5, 7, "e", "f")
            await transaction.advance(Checkpoint("p", 9, 8, "e", "f"), 5)
        assert await store.checkpoints() == {"p": Checkpoint("p", 9, 8, "e", "f")}
        assert await keys(store) == []

    async def test_partitions_move_each_by_itself(self, store: ReadStore) -> None:
        wanted = Checkpoint(TABLE.name, 0, 9, "e", "f")
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 7, "e", "f"), 0)
        async with store.transaction() as transaction:
            await transaction.write(TABLE.name, [row("a")], [])
            moves = {1: Move(5, Part(8, "o8")), 2: Move(5, Part(6, "o6"))}
            moved = await transaction.advance_parts(wanted, 3, moves)
        parts = (Part(5), Part(8, "o8"), Part(6, "o6"))
        assert moved == Checkpoint(TABLE.name, 5, 9, "e", "f", parts)
        assert (await store.checkpoints())[TABLE.name] == moved
        async with store.transaction() as transaction:
            assert await transaction.checkpoint(TABLE.name) == moved
            moved = await transaction.advance_parts(wanted, 3, {0: Move(5, Part(9))})
        assert moved.position == 6
        assert (await store.checkpoints())[TABLE.name] == moved
        assert await keys(store) == ["a"]

    async def test_a_partition_that_stands_elsewhere_is_lost(self, store: ReadStore) -> None:
        wanted = Checkpoint(TABLE.name, 0, 9, "e")
        async with store.transaction() as transaction:
            await transaction.advance_parts(wanted, 2, {0: Move(0, Part(4))})
        before = await store.checkpoints()
        assert before[TABLE.name].position == 0
        for partitions, moves in (
            (2, {1: Move(0, Part(7)), 0: Move(0, Part(5))}),
            (3, {1: Move(0, Part(7))}),
        ):
            with pytest.raises(CheckpointLost):
                async with store.transaction() as transaction:
                    await transaction.write(TABLE.name, [row("a")], [])
                    await transaction.advance_parts(wanted, partitions, moves)
        with pytest.raises(CheckpointLost):
            async with store.transaction() as transaction:
                await transaction.advance(Checkpoint(TABLE.name, 8, 9, "e"), 0)
        assert await store.checkpoints() == before
        assert await keys(store) == []

    async def test_partitions_that_stand_together_become_one_or_others(
        self, store: ReadStore
    ) -> None:
        wanted = Checkpoint("p", 0, 9, "e")
        async with store.transaction() as transaction:
            moves = {0: Move(0, Part(4, "x")), 1: Move(0, Part(4, "y"))}
            await transaction.advance_parts(wanted, 2, moves)
        async with store.transaction() as transaction:
            await transaction.advance_parts(wanted, 3, {2: Move(4, Part(6))})
        async with store.transaction() as transaction:
            await transaction.advance_parts(wanted, 3, {n: Move(4, Part(6)) for n in (0, 1)})
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint("p", 8, 9, "e"), 6)
        assert (await store.checkpoints())["p"] == Checkpoint("p", 8, 9, "e")

    async def test_workers_on_different_partitions_come_one_after_the_other(
        self, store: ReadStore
    ) -> None:
        """Each sees what the other wrote, or loses and does its work again."""
        wanted = Checkpoint(TABLE.name, 0, 9, "e")

        async def worker(partition: int) -> None:
            position = 0
            while position < 5:
                try:
                    async with store.transaction() as transaction:
                        move = Move(position, Part(position + 1))
                        await transaction.advance_parts(wanted, 2, {partition: move})
                        found = await transaction.documents(TABLE.name, ["sum"])
                        count = int(found.get("sum", b"0")) + 1
                        await asyncio.sleep(0)
                        changed = msgspec.structs.replace(row("sum"), document=b"%d" % count)
                        await transaction.write(TABLE.name, [changed], [])
                except CheckpointLost:
                    continue
                position += 1

        await asyncio.gather(worker(0), worker(1))
        assert (await store.checkpoints())[TABLE.name].parts == (Part(5), Part(5))
        assert await store.get(TABLE.name, "sum") == b"10"

    async def test_counts_change_with_each_partition(self, store: ReadStore) -> None:
        wanted = Checkpoint(TABLE.name, 0, 9, "e")
        totals = []
        for n in range(3):
            async with store.transaction() as transaction:
                await transaction.advance_parts(wanted, 2, {0: Move(n, Part(n + 1))})
                await transaction.write(TABLE.name, [row(f"r{n}")], [])
            totals.append((await store.select(TABLE.name, Select())).total)
        assert totals == [1, 2, 3]

    async def test_a_transaction_sees_what_it_wrote(self, store: ReadStore) -> None:
        await put(store, row("a", kind="x"))
        async with store.transaction() as transaction:
            await transaction.write(TABLE.name, [row("b", kind="x"), row("a", kind="y")], [])
            assert set(await transaction.documents(TABLE.name, ["a", "b", "c"])) == {"a", "b"}
            assert set(await transaction.matching(TABLE.name, "kind", ["x"])) == {"b"}

    async def test_a_thousand_keys_at_once(self, store: ReadStore) -> None:
        rows = [row(f"{number:04}") for number in range(1_200)]
        await put(store, *rows)
        async with store.transaction() as transaction:
            found = await transaction.documents(TABLE.name, [r.key for r in rows])
        assert len(found) == 1_200

    @pytest.mark.parametrize(
        ("column", "values"),
        [
            ("name", ["Z", "a", "ä", "日", None]),
            ("price", [Decimal("-1"), Decimal("0.1"), Decimal("2"), Decimal("10.001"), None]),
            ("units", [-5, 0, 9, 10, None]),
            ("at", [_BEGIN, _BEGIN + timedelta(microseconds=1), _BEGIN + timedelta(days=1), None]),
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

    async def test_counts_are_of_what_is_applied(self, connect: Connect) -> None:
        """Counts may be remembered, but not beyond what another instance has applied since."""
        ours, theirs = connect(), connect()
        await ours.open([TABLE])
        await theirs.open([TABLE])
        try:
            for position in (1, 2, 3):
                async with theirs.transaction() as transaction:
                    await transaction.advance(
                        Checkpoint(TABLE.name, position, 1, "e"), position - 1
                    )
                    await transaction.write(TABLE.name, [row(str(position), kind="x")], [])
                for _ in range(2):
                    found = await ours.select(TABLE.name, Select(facets=("kind",)))
                    assert (found.total, found.facets["kind"]) == (
                        position,
                        [FacetCount("x", position)],
                    )
        finally:
            await ours.close()
            await theirs.close()

    async def test_a_move_while_nobody_waits_is_not_slept_through(
        self, connect: Connect, store: ReadStore
    ) -> None:
        theirs = connect()
        await theirs.open([TABLE])
        try:
            for position in range(1, 30):
                async with theirs.transaction() as transaction:
                    await transaction.advance(Checkpoint("p", position, 1, "e"), position - 1)
                await store.checkpoints()
                async with asyncio.timeout(30):
                    await store.wait_applied(60)
        finally:
            await theirs.close()

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
            row("c", kind=None, price=Decimal("3"), at=_BEGIN + timedelta(days=1)),
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
        below = Condition("at", "below", (_BEGIN + timedelta(days=1),))
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

    async def test_rows_are_walked_in_key_order(self, store: ReadStore) -> None:
        written = row("b", tags=("y", "x"), price=Decimal("2.500"))
        await put(store, row("c"), written, row("a"), row(""))
        assert [r.key for r in await store.rows(TABLE.name, None, 3)] == ["", "a", "b"]
        assert [r.key for r in await store.rows(TABLE.name, "", 1)] == ["a"]
        assert [r.key for r in await store.rows(TABLE.name, "a", 5)] == ["b", "c"]
        kept = await store.row(TABLE.name, "b")
        assert kept is not None
        assert kept.document == written.document
        assert dict(zip((c.name for c in TABLE.columns), kept.values, strict=True))["price"] == (
            Decimal("2.5")
        )
        assert await store.row(TABLE.name, "z") is None

    async def test_a_checkpoint_is_as_of_its_latest_event(self, store: ReadStore) -> None:
        for position, time_us in ((1, 50), (2, 20), (3, 70)):
            async with store.transaction() as transaction:
                await transaction.advance(Checkpoint("p", position, time_us, "e"), position - 1)
        assert (await store.checkpoints())["p"].time_us == 70
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint("p", 4, 10, "e"), 3)
        assert (await store.checkpoints())["p"] == Checkpoint("p", 4, 70, "e")

    async def test_a_first_checkpoint_is_claimed_once(self, store: ReadStore) -> None:
        async with store.transaction() as transaction:
            await transaction.claim(Checkpoint(TABLE.name, 0, 0, "e", "mine"))
        with pytest.raises(CheckpointLost):
            async with store.transaction() as transaction:
                await transaction.claim(Checkpoint(TABLE.name, 0, 0, "e", "theirs"))
        assert (await store.checkpoints())[TABLE.name].fingerprint == "mine"
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e", "mine"), 0)
        assert (await store.checkpoints())[TABLE.name].position == 5

    async def test_where_a_table_is_served_from_is_set_by_its_claim_and_stays(
        self, store: ReadStore
    ) -> None:
        async with store.transaction() as transaction:
            await transaction.claim(Checkpoint(TABLE.name, 0, 0, "e", "f", served_from=6))
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e", "f"), 0)
        assert not (await store.checkpoints())[TABLE.name].served
        async with store.transaction() as transaction:
            moves = {n: Move(5, Part(7)) for n in (0, 1)}
            wanted = Checkpoint(TABLE.name, 0, 9, "e", "f")
            moved = await transaction.advance_parts(wanted, 2, moves)
        assert moved.served
        assert (await store.checkpoints())[TABLE.name].served_from == 6

    async def test_which_version_is_read_is_chosen_where_its_checkpoint_is(
        self, store: ReadStore
    ) -> None:
        begun = Checkpoint(TABLE.name, 0, 0, "e", "f", chosen_us=BESIDE)
        async with store.transaction() as transaction:
            await transaction.claim(begun)
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e", "f"), 0)
        assert not (await store.checkpoints())[TABLE.name].served
        with pytest.raises(RuntimeError):
            async with store.transaction() as transaction:
                await transaction.hold(TABLE.name)
                await transaction.choose(TABLE.name, 6)
                raise RuntimeError
        assert (await store.checkpoints())[TABLE.name].beside
        async with store.transaction() as transaction:
            held = await transaction.hold(TABLE.name)
            assert held is not None
            assert held.beside
            await transaction.choose(TABLE.name, 7)
        chosen = (await store.checkpoints())[TABLE.name]
        assert (chosen.chosen_us, chosen.position, chosen.served) == (7, 5, True)
        async with store.transaction() as transaction:
            moves = {n: Move(5, Part(7)) for n in (0, 1)}
            moved = await transaction.advance_parts(chosen, 2, moves)
        assert moved.chosen_us == 7
        assert (await store.checkpoints())[TABLE.name] == moved

    async def test_clearing_and_dropping(self, store: ReadStore) -> None:
        async with store.transaction() as transaction:
            await transaction.write(TABLE.name, [row("a", title="x", tags=("t",))], [])
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e"), 0)
        await store.clear(TABLE.name, TABLE.name)
        assert await keys(store) == []
        assert await keys(store, text="x") == []
        assert await store.checkpoints() == {}
        await store.drop(TABLE.name)
        await store.open([TABLE])
        assert await keys(store) == []

    async def test_rows_that_belong_to_a_table_change_with_its_checkpoint(
        self, connect: Connect, store: ReadStore
    ) -> None:
        await store.open([BELONGING])
        beside = [Row(f"x{n}", b"{}", n, ("a", n)) for n in range(3)]
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e"), 0)
            await transaction.write(TABLE.name, [row("a")], [])
            await transaction.write(BELONGING.name, beside, [])
            await transaction.mend(TABLE.name, 2)
        with pytest.raises(CheckpointLost):
            async with store.transaction() as transaction:
                await transaction.advance(Checkpoint(TABLE.name, 6, 1, "e"), 4)
                await transaction.write(BELONGING.name, [], ["x0"])
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 6, 1, "e"), 5)
            await transaction.write(BELONGING.name, [], ["x1"])
            assert set(await transaction.documents(BELONGING.name, ["x0", "x1", "x2"])) >= {"x0"}
        found = await store.select(BELONGING.name, Select(sort=("at", False)))
        assert (len(found.documents), found.total) == (2, 2)
        assert await keys(store) == ["a"]
        moved = (await store.checkpoints())[TABLE.name]
        assert (moved.position, moved.parked, moved.mended) == (6, 2, 1)

        await store.clear(TABLE.name, TABLE.name)
        assert (await store.select(BELONGING.name, Select())).total == 0
        await store.drop(TABLE.name)
        await store.open([TABLE, BELONGING])
        assert (await store.select(BELONGING.name, Select())).total == 0

    async def test_rows_can_be_mended_where_the_checkpoint_stands(self, store: ReadStore) -> None:
        async with store.transaction() as transaction:
            assert await transaction.hold(TABLE.name) is None
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 9, "e", "f"), 0)
            await transaction.write(TABLE.name, [row("a", kind="a")], [])
        assert (await store.select(TABLE.name, Select(facets=("kind",)))).total == 1
        async with store.transaction() as transaction:
            held = await transaction.hold(TABLE.name)
            assert held == Checkpoint(TABLE.name, 5, 9, "e", "f")
            await transaction.write(TABLE.name, [row("b", kind="b")], [])
            await transaction.mend(TABLE.name, 1)
        found = await store.select(TABLE.name, Select(facets=("kind",)))
        assert found.total == 2
        assert {one.value for one in found.facets["kind"]} == {"a", "b"}
        wanted = Checkpoint(TABLE.name, 5, 9, "e", "f", parked=1, mended=1)
        assert (await store.checkpoints())[TABLE.name] == wanted

    async def test_what_is_held_moves_for_nobody_else(self, store: ReadStore) -> None:
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e"), 0)
        held, order = asyncio.Event(), []

        async def mend() -> None:
            async with store.transaction() as transaction:
                await transaction.hold(TABLE.name)
                held.set()
                await asyncio.sleep(0.1)
                await transaction.write(TABLE.name, [row("a")], [])
                await transaction.mend(TABLE.name, 1)
                order.append("mended")

        async def move() -> None:
            await held.wait()
            async with store.transaction() as transaction:
                moved = await transaction.advance(Checkpoint(TABLE.name, 6, 1, "e"), 5)
                order.append("moved")
            assert (moved.parked, moved.mended) == (1, 1)

        await asyncio.gather(mend(), move())
        assert order == ["mended", "moved"]
        async with store.transaction() as transaction:
            moves = {0: Move(6, Part(7)), 1: Move(6, Part(8))}
            known = Checkpoint(TABLE.name, 6, 1, "e")
            moved = await transaction.advance_parts(known, 2, moves)
        assert (moved.parked, moved.mended) == (1, 1)
        assert (await store.checkpoints())[TABLE.name] == moved

    async def test_another_shape_is_refused(self, connect: Connect, store: ReadStore) -> None:
        other = msgspec.structs.replace(TABLE, columns=TABLE.columns[:2])
        second = connect()
        with pytest.raises(ShapeChanged):
            await second.open([other])
        await second.close()


async def _walked(store: ReadStore, sort: tuple[str, bool]) -> list[str]:
    found, after = [], None
    while True:
        page = await store.select(TABLE.name, Select(sort=sort, after=after, limit=3))
        found += [msgspec.json.decode(d)["key"] for d in page.documents]
        after = page.last
        if after is None:
            return found
