"""compose.yaml fits together: every setting is accepted, every server and role is there.

Containers are not run here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from twofold.assembly.settings import read_settings
from twofold.ops.commands.run import _ROLES

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
SHOP = [name for name, service in SERVICES.items() if service.get("image") == "twofold-shop"]
IMAGES = {
    "postgres": "postgres",
    "kafka": "apache/kafka",
    "mongodb": "mongo",
    "rabbitmq": "rabbitmq",
    "redis": "redis",
}


def test_there_is_a_container_for_each_role() -> None:
    roles = [SERVICES[name]["command"][3] for name in SHOP]
    assert sorted(roles) == sorted(set(_ROLES) - {"all"})
    assert roles == SHOP


@pytest.mark.parametrize("name", SHOP)
def test_its_settings_are_accepted_and_lead_to_the_servers(name: str) -> None:
    settings = read_settings("shop", SERVICES[name]["environment"])
    assert settings.projections == "async"
    assert settings.commands == ("async" if name == "commands" else "sync")
    hosts = {urlsplit(url).hostname for url in (settings.log, settings.read, settings.broker)}
    assert hosts == {"postgres", "kafka", "mongodb"} == set(SERVICES[name]["depends_on"])


@pytest.mark.parametrize("name", SHOP)
def test_only_the_shop_can_be_reached_from_outside(name: str) -> None:
    command = SERVICES[name]["command"]
    assert command[:3] == ["run", "shop", "--role"]
    assert SERVICES[name].get("ports", []) == (["127.0.0.1:8000:8000"] if name == "api" else [])


@pytest.mark.parametrize("name", IMAGES)
def test_every_server_is_a_real_image_that_keeps_its_data(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image == IMAGES[name]
    assert tag
    assert [volume.split(":")[0] for volume in SERVICES[name]["volumes"]] == [name]
    assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", ["rabbitmq", "redis"])
def test_the_other_brokers_addresses_are_accepted(name: str) -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    (address,) = (
        word for word in text.split() if "://" in word and urlsplit(word).hostname == name
    )
    given = {**SERVICES["api"]["environment"], "TWOFOLD_BROKER": address}
    assert read_settings("shop", given).broker == address


def test_the_image_contains_what_is_installed() -> None:
    copied = [
        line.split()[1:-1]
        for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY")
    ]
    files = [name for line in copied for name in line]
    assert all((ROOT / name).exists() for name in files)
    assert {"pyproject.toml", "src", "apps"} <= set(files)
