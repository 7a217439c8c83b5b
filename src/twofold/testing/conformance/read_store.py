"""Conformance of the read store.

class TestMyStore(ReadStoreConformance):
    @pytest.fixture
    def connect(self): return lambda: MyStore(address_of_a_fresh_database)
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from twofold.errors import ShapeChanged
from twofold.ports.read_store import (
    Checkpoint,
    ReadStore,
)
from twofold.testing.conformance.read_checkpoints import ReadCheckpoints
from twofold.testing.conformance.read_queries import ReadQueries
from twofold.testing.conformance.read_rows import (
    TABLE,
    Connect,
    any_of,
    keys,
    put,
    row,
)


class ReadStoreConformance(ReadCheckpoints, ReadQueries):
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

    async def test_another_shape_is_refused(self, connect: Connect, store: ReadStore) -> None:
        other = msgspec.structs.replace(TABLE, columns=TABLE.columns[:2])
        second = connect()
        with pytest.raises(ShapeChanged):
            await second.open([other])
        await second.close()
