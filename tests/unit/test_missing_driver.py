"""A driver that is not installed is a problem of the settings, told in one line."""

from __future__ import annotations

import sys

import pytest

from tests.proposals import app
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.errors import SettingsProblems


@pytest.mark.parametrize("name", ["TWOFOLD_LOG", "TWOFOLD_READ"])
def test_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for module in [one for one in sys.modules if one.startswith("twofold.adapters.postgres.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    settings = read_settings("proposals", {name: "postgresql://nobody@127.0.0.1/none"})
    with pytest.raises(SettingsProblems, match=rf"^{name}: .*pip install 'twofold\[postgres\]'"):
        assemble(app, settings)


def test_the_driver_of_the_read_store_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [one for one in sys.modules if one.startswith("twofold.adapters.mongodb.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pymongo", None)
    given = {"TWOFOLD_LOG": "postgresql://nobody@127.0.0.1/none", "TWOFOLD_READ": "mongodb://there"}
    with pytest.raises(SettingsProblems, match=r"^TWOFOLD_READ: .*'twofold\[mongodb\]'"):
        assemble(app, read_settings("proposals", given))
