"""What needs no broker: addresses, what several brokers are asked for, a missing driver."""

from __future__ import annotations

import sys

import pytest

from twofold.adapters.kafka.address import settings_of
from twofold.adapters.kafka.topics import check_configuration, configuration
from twofold.errors import BrokerUnsuitable, SettingsProblems
from twofold.ports.transport import Channel

QUEUE = Channel("shop.commands", 4, "queue")


def test_an_address_names_hosts_and_how_to_prove_who_one_is() -> None:
    assert settings_of("kafka://one,two:9094") == {
        "bootstrap.servers": "one:9092,two:9094",
        "security.protocol": "PLAINTEXT",
    }
    assert settings_of("kafkas://anna:a%40b@[::1]?mechanism=PLAIN&ca=/ca.pem") == {
        "bootstrap.servers": "[::1]:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "anna",
        "sasl.password": "a@b",
        "ssl.ca.location": "/ca.pem",
    }


def test_everything_wrong_with_an_address_is_told() -> None:
    with pytest.raises(SettingsProblems) as caught:
        settings_of("amqp://one,?mechanism=MAGIC&acks=0")
    told = str(caught.value)
    for wrong in ("amqp://", "names its hosts", "no option acks", "MAGIC"):
        assert wrong in told


def test_several_brokers_keep_copies_before_they_acknowledge() -> None:
    assert configuration(QUEUE, 3)["min.insync.replicas"] == "2"
    assert configuration(QUEUE, 3)["retention.ms"] == "-1"
    assert configuration(QUEUE, 1)["min.insync.replicas"] == "1"
    check_configuration(QUEUE, configuration(QUEUE, 3), 3)
    with pytest.raises(BrokerUnsuitable, match=r"min\.insync\.replicas=1"):
        check_configuration(QUEUE, configuration(QUEUE, 1), 3)
    unclean = {**configuration(QUEUE, 3), "unclean.leader.election.enable": "true"}
    with pytest.raises(BrokerUnsuitable, match=r"unclean\.leader\.election\.enable=true"):
        check_configuration(QUEUE, unclean, 3)


def test_a_driver_that_is_missing_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in [one for one in sys.modules if one.startswith("twofold.adapters.kafka.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'twofold\[kafka\]'"):
        import twofold.adapters.kafka.transport  # noqa: F401
