"""What is wrong with a broker's address, or not installed, is told before anything connects."""

from __future__ import annotations

import sys

import pytest

from twofold.adapters._url_options import place, without_options
from twofold.assembly.brokers import transport_of
from twofold.errors import SettingsProblems

OPTIONS = {"size": 5, "days": 0}


def test_options_are_taken_out_of_the_address() -> None:
    url, options = without_options("amqp://a:b@host:1/v%2Fhost?size=7", OPTIONS)
    assert url == "amqp://a:b@host:1/v%2Fhost"
    assert options == {"size": 7, "days": 0}
    assert place(url, 5672) == "host:1"
    assert place("amqp://a:b@host", 5672) == "host:5672"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://", "names a host"),
        ("redis://host:0", "a port is"),
        ("redis://host:70000", "a port is"),
        ("redis://host:some", "a port is"),
        ("redis://host?size=-1", "whole number"),
        ("redis://host?size=", "whole number"),
        ("redis://host?sizes=1", "there are days, size"),
    ],
)
def test_everything_wrong_is_told(url: str, told: str) -> None:
    with pytest.raises(SettingsProblems, match=told):
        without_options(url, OPTIONS)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("redis://h", "hiredis", "redis"), ("amqp://h", "pika", "rabbitmq")],
)
def test_the_package_to_install_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    for name in [one for one in sys.modules if one.startswith(f"twofold.adapters.{extra}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=rf"pip install 'twofold\[{extra}\]'"):
        transport_of(url)
