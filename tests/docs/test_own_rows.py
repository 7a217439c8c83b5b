"""The how-to about own rows runs as written."""

from __future__ import annotations

import re
import sys
import types
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Column, MetaData, Numeric, String, Table, select
from sqlalchemy.dialects import postgresql

from twofold import Refused
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "own-rows.md"


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The how-to's Python as a module."""
    module = types.ModuleType("how_to_bank")
    monkeypatch.setitem(sys.modules, "how_to_bank", module)
    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text("utf-8"), re.S)
    exec(compile(code, str(HOW_TO), "exec"), module.__dict__)
    return module


async def test_the_how_to_runs_as_written(bank: types.ModuleType, postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute(bank.AccountRows.__doc__.strip("`"))
    await connection.execute("insert into account values ('a', 'ann', 10)")
    async with assemble(bank.app, read_settings("bank", {"TWOFOLD_LOG": postgres})) as system:
        await system.send(bank.Withdraw(account_id="a", amount=Decimal(4)))
        with pytest.raises(Refused):
            await system.send(bank.Withdraw(account_id="a", amount=Decimal(7)))
    assert await connection.fetchval("select balance from account") == 6
    table = Table("account", MetaData(), Column("account_id", String), Column("balance", Numeric))
    statement = select(table.c.balance).where(table.c.account_id == "a")
    compiled = statement.compile(dialect=postgresql.asyncpg.dialect())
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    assert [row[0] for row in await connection.fetch(str(compiled), *values)] == [6]
    await connection.close()
