"""Conformance of the read store: checkpoints, and what is written with them."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

from twofold.errors import CheckpointLost
from twofold.ports.read_store import (
    BESIDE,
    Checkpoint,
    FacetCount,
    Move,
    Part,
    ReadStore,
    Row,
    Select,
)
from twofold.testing.conformance.read_rows import (
    BELONGING,
    TABLE,
    Connect,
    keys,
    row,
)


class ReadCheckpoints:
    """Moves, partitions, versions and holding; a part of ``ReadStoreConformance``."""

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

    async def test_who_reads_ahead_writes_rows_and_checkpoint_as_one(
        self, store: ReadStore
    ) -> None:
        async with store.transaction(ahead=True) as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 7, "e", "f"), 0)
            assert await transaction.documents(TABLE.name, ["a"]) == {}
            await transaction.write(TABLE.name, [row("a", kind="x"), row("b", kind="x")], [])
        assert await keys(store) == ["a", "b"]
        with pytest.raises(ZeroDivisionError):
            async with store.transaction(ahead=True) as transaction:
                await transaction.advance(Checkpoint(TABLE.name, 6, 7, "e", "f"), 5)
                await transaction.write(TABLE.name, [], ["a"])
                raise ZeroDivisionError
        assert await store.checkpoints() == {TABLE.name: Checkpoint(TABLE.name, 5, 7, "e", "f")}
        async with store.transaction(ahead=True) as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 6, 7, "e", "f"), 5)
            many = await transaction.documents(TABLE.name, [f"x{n}" for n in range(100)] + ["b"])
            assert set(many) == {"b"}
            assert set(await transaction.matching(TABLE.name, "kind", ["x"])) == {"a", "b"}
            await transaction.write(TABLE.name, [row("c", kind="x")], ["a"])
            # What it has written it sees.
            assert set(await transaction.documents(TABLE.name, ["a", "b", "c"])) == {"b", "c"}
            assert set(await transaction.matching(TABLE.name, "kind", ["x"])) == {"b", "c"}
            await transaction.write(TABLE.name, [row("d")], [])
            await transaction.mend(TABLE.name, 1)
        assert await keys(store) == ["b", "c", "d"]
        mended = Checkpoint(TABLE.name, 6, 7, "e", "f", parked=1, mended=1)
        assert await store.checkpoints() == {TABLE.name: mended}

    async def test_the_second_of_two_who_read_ahead_loses(self, store: ReadStore) -> None:
        read = asyncio.Event()

        async def slow() -> None:
            async with store.transaction(ahead=True) as transaction:
                await transaction.advance(Checkpoint(TABLE.name, 5, 7, "slow"), 0)
                read.set()
                await asyncio.sleep(0.05)
                await transaction.write(TABLE.name, [row("slow")], [])

        async def quick() -> None:
            await read.wait()
            async with store.transaction(ahead=True) as transaction:
                await transaction.advance(Checkpoint(TABLE.name, 5, 7, "quick"), 0)
                await transaction.write(TABLE.name, [row("quick")], [])

        # Who that is depends on how early a store keeps others from moving the checkpoint.
        ended = await asyncio.gather(slow(), quick(), return_exceptions=True)
        assert sorted(map(type, ended), key=str) == sorted([CheckpointLost, type(None)], key=str)
        winner = "slow" if ended[0] is None else "quick"
        assert (await store.checkpoints())[TABLE.name].epoch == winner
        assert await keys(store) == [winner]
        with pytest.raises(CheckpointLost):
            async with store.transaction(ahead=True) as transaction:
                await transaction.advance(Checkpoint(TABLE.name, 6, 7, "e"), 4)

    async def test_what_was_read_ahead_of_mending_is_not_written(self, store: ReadStore) -> None:
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e"), 0)
            await transaction.write(
                TABLE.name, [msgspec.structs.replace(row("a"), document=b"0")], []
            )

        async def add(mending: bool) -> None:
            """One more in the document, by an event or by mending it."""
            async with store.transaction(ahead=not mending) as transaction:
                if mending:
                    await transaction.hold(TABLE.name)
                else:
                    known = (await store.checkpoints())[TABLE.name].position
                    await transaction.advance(Checkpoint(TABLE.name, known + 1, 1, "e"), known)
                found = await transaction.documents(TABLE.name, ["a"])
                await asyncio.sleep(0.001)
                document = b"%d" % (int(found["a"]) + 1)
                await transaction.write(
                    TABLE.name, [msgspec.structs.replace(row("a"), document=document)], []
                )
                if mending:
                    await transaction.mend(TABLE.name, 0)

        async def until_done(mending: bool) -> None:
            for _ in range(10):
                while True:
                    try:
                        await add(mending)
                    except CheckpointLost:
                        continue
                    break

        await asyncio.gather(until_done(False), until_done(True))
        assert await store.get(TABLE.name, "a") == b"20"

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

    async def test_a_table_is_cleared_beside_one_who_writes(self, store: ReadStore) -> None:
        """Neither is kept from it by the other: whichever is second waits, or has lost."""
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e"), 0)
            await transaction.write(TABLE.name, [row("a")], [])
        async with asyncio.timeout(20):
            with contextlib.suppress(CheckpointLost):
                async with store.transaction() as transaction:
                    await transaction.advance(Checkpoint(TABLE.name, 6, 1, "e"), 5)
                    clearing = asyncio.create_task(store.clear(TABLE.name, TABLE.name))
                    await asyncio.sleep(0.2)
                    await transaction.write(TABLE.name, [row("a", kind="b")], [])
            await clearing
        assert (await keys(store), await store.checkpoints()) == ([], {})

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
