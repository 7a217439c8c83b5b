"""Importing products: every line is accounted for, and doing it again changes nothing."""

from __future__ import annotations

import csv
import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shop.cli import app as cli
from shop.importing.products import ProductAccounting, ProductImport, product_of
from shop.modules.products.contracts import Sku
from shop.modules.products.domain import ArchiveProduct
from twofold import Caller, InvalidInput, Sent, System

MUG: dict[str, Any] = {
    "id": "1",
    "title": "Mug",
    "supplier": "Aldergrove",
    "price": 295,
    "attr_t_product_colour": "Red",
    "attr_n_volume": 300.0,
    "attr_b_dishwasher_safe": True,
}
KETTLE = {"id": "2", "name": "Kettle", "price": None}
MERCHANDISER = Caller("mika", roles=frozenset({"merchandiser"}))
LINES = [
    json.dumps(MUG),
    json.dumps(KETTLE),
    json.dumps(MUG),
    json.dumps({**MUG, "price": 300}),
    json.dumps({"title": "Nameless"}),
    json.dumps({"id": "3", "title": "Half", "price": 1.5}),
    json.dumps({"id": "4"}),
    "[1]",
    "{half",
    json.dumps({"id": "5", "title": "Dash \x97 here"}),
]


def written(folder: Path, lines: list[str], name: str = "products.jsonl") -> Path:
    """A file of ``lines``."""
    file = folder / name
    file.write_text("\n".join([*lines, ""]), "utf-8")
    return file


async def imported(system: System, file: Path) -> ProductImport:
    """The import, done."""
    job = ProductImport(system, file)
    await job.run()
    return job


async def card(system: System, sku: str) -> dict[str, Any]:
    """The product as lists show it."""
    document = await system.read_store.get(system.tables["product"], sku)
    assert document is not None
    found: dict[str, Any] = json.loads(document)
    return found


async def test_every_line_is_accounted_for(shop: System, tmp_path: Path) -> None:
    job = await imported(shop, written(tmp_path, LINES))
    assert job.accounting == ProductAccounting(
        lines=10,
        accepted=4,
        rejected=6,
        products=3,
        repeated=1,
        unpriced=2,
        repaired=1,
        rejected_by_reason={
            "id is in the file before, with another content": 1,
            "id: is missing": 1,
            "price: is no whole number of cents": 1,
            "title: is missing": 1,
            "the line is no JSON object": 1,
            "the line is no JSON": 1,
        },
    )
    assert sorted(reject.number for reject in job.rejects.lines) == [4, 5, 6, 7, 8, 9]


async def test_an_imported_product_can_be_ordered_once_it_has_a_price(
    shop: System, tmp_path: Path
) -> None:
    await imported(shop, written(tmp_path, LINES))
    mug, kettle = await card(shop, "1"), await card(shop, "2")
    assert (mug["status"], Decimal(mug["price"]), mug["brand"]) == (
        "active",
        Decimal("2.95"),
        "Aldergrove",
    )
    assert mug["attributes"] == {
        "product colour": "Red",
        "volume": "300",
        "dishwasher safe": "yes",
    }
    assert (kettle["status"], kettle["price"], kettle["title"]) == ("draft", None, "Kettle")
    assert (await card(shop, "5"))["title"] == "Dash \N{EM DASH} here"
    await imported(shop, written(tmp_path, [json.dumps({**KETTLE, "price": 1999})]))
    assert (await card(shop, "2"))["status"] == "active"


async def test_importing_again_changes_nothing(shop: System, tmp_path: Path) -> None:
    await imported(shop, written(tmp_path, LINES))
    head = await shop.log.head()
    again = (await imported(shop, written(tmp_path, LINES))).accounting
    assert await shop.log.head() == head
    assert (again.unchanged, again.products, again.lines) == (3, 0, again.accepted + again.rejected)


async def test_what_differs_is_brought_up_to_date(shop: System, tmp_path: Path) -> None:
    await imported(shop, written(tmp_path, LINES))
    head = await shop.log.head()
    changed = {**MUG, "title": "Large mug", "price": 350}
    assert (await imported(shop, written(tmp_path, [json.dumps(changed)]))).accounting.changed == 1
    mug = await card(shop, "1")
    assert (mug["title"], Decimal(mug["price"])) == ("Large mug", Decimal("3.50"))
    assert await shop.log.head() == head + 2


async def test_an_archived_product_stays_as_it_was(shop: System, tmp_path: Path) -> None:
    await imported(shop, written(tmp_path, LINES))
    await shop.send(ArchiveProduct(sku=Sku("1")), Sent(caller=MERCHANDISER))
    job = await imported(shop, written(tmp_path, [json.dumps(MUG)]))
    assert job.accounting.rejected_by_reason == {"product is archived": 1}


async def test_a_half_written_file_says_how_far_it_got(shop: System, tmp_path: Path) -> None:
    file = tmp_path / "half.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(LINES * 20).encode())[:200])
    with pytest.raises(InvalidInput, match="can't be read after line"):
        await imported(shop, file)


def test_a_value_given_as_text_number_and_truth_is_kept_whole() -> None:
    row = {"id": "1", "title": "x", "attr_t_usb": "3.0", "attr_n_usb": 2.5, "attr_b_usb": False}
    command, repaired = product_of(json.dumps(row))
    assert (command.attributes, repaired) == ({"usb": "3.0, 2.5, no"}, False)


def test_the_command_tells_everything_and_writes_what_it_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOFOLD_LOG", f"sqlite:///{tmp_path / 'shop.db'}")
    file, rejects = written(tmp_path, LINES), tmp_path / "rejects.csv"
    arguments = ["import-products", str(file), "--rejects", str(rejects), "--json"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["lines"] == told["accepted"] + told["rejected"] == 10
    with rejects.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["line"] for row in rows] == ["4", "5", "6", "7", "8", "9"]
    assert rows[-1] == {"line": "9", "reason": "the line is no JSON", "json": "{half"}


@pytest.mark.skipif(not os.environ.get("TWOFOLD_DATA"), reason="TWOFOLD_DATA names no real data")
async def test_the_real_products_are_all_taken_over_once(shop: System) -> None:
    file = Path(os.environ["TWOFOLD_DATA"]) / "product_search/products.jsonl.gz"
    first = (await imported(shop, file)).accounting
    assert (first.lines, first.products, first.rejected) == (19_406, 19_406, 0)
    again = (await imported(shop, file)).accounting
    assert (again.unchanged, again.products, again.changed) == (19_406, 0, 0)
