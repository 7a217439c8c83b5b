"""Settings of alerts: what can't work is told at the start, and no secret with it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from twofold.assembly.settings import Settings, read_settings
from twofold.errors import SettingsProblems
from twofold.ops.cli import app as cli

SECRET = "twenty-four bytes or more of it"


def settings(**given: str) -> Settings:
    """The settings that ``given`` makes, names without their prefix."""
    named = {f"TWOFOLD_ALERT_{name.upper()}": value for name, value in given.items()}
    return read_settings("shop", named)


REFUSED = {
    "no address": ({"webhook": "ftp://x", "secret": SECRET}, "WEBHOOK: an address"),
    "a password in an address": (
        {"webhook": "https://u:hunter2@x/", "secret": SECRET},
        "without user and password",
    ),
    "a port that is none": ({"webhook": "https://x:y/", "secret": SECRET}, "WEBHOOK: an address"),
    "a blank in an address": ({"webhook": "https://x/a b", "secret": SECRET}, "an address"),
    "no ASCII": ({"webhook": "https://x/ü", "secret": SECRET}, "in ASCII"),
    "no secret": ({"webhook": "https://x/"}, "SECRET: is needed"),
    "a short secret": ({"webhook": "https://x/", "secret": "short"}, "at least 24 bytes"),
    "a broken secret": ({"webhook": "https://x/", "secret": "whsec_?!" + SECRET}, "whsec_"),
    "no mail server": (
        {"smtp": "http://x", "from": "a@x.org", "to": "b@x.org"},
        "SMTP: smtp://user:password@host:587",
    ),
    "a bad port": ({"smtp": "smtp://x:y", "from": "a@x.org", "to": "b@x.org"}, "port"),
    "nobody to write to": ({"smtp": "smtp://x", "from": "a@x.org"}, "TO: is needed"),
    "nobody who writes": ({"smtp": "smtp://x", "to": "a@x.org"}, "FROM: is needed"),
    "mail without a server": ({"to": "a@x.org"}, "TO: needs TWOFOLD_ALERT_SMTP"),
    "an odd address": ({"smtp": "smtp://x", "from": "a@x.org", "to": "Ada <a@x.org>"}, "TO: addr"),
    "a header in an address": (
        {"smtp": "smtp://x", "from": "a@x.org\nBcc: c@x.org", "to": "b@x.org"},
        "FROM: addresses",
    ),
    "a password in the clear": (
        {"smtp": "smtp://u:hunter2@x?tls=none", "from": "a@x.org", "to": "b@x.org"},
        "not sent without TLS",
    ),
    "an option that is none": (
        {"smtp": "smtp://x?starttls=1", "from": "a@x.org", "to": "b@x.org"},
        "no such option: starttls",
    ),
    "a missing authority": (
        {"smtp": "smtp://x?ca=/no/such/file", "from": "a@x.org", "to": "b@x.org"},
        "is not there",
    ),
    "no number": ({"lag_seconds": "soon"}, "LAG_SECONDS: a number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_work_is_refused_at_the_start(case: str) -> None:
    given, why = REFUSED[case]
    with pytest.raises(SettingsProblems) as refused:
        settings(**given)
    assert why in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_all_problems_are_told_together() -> None:
    with pytest.raises(SettingsProblems) as refused:
        settings(webhook="nothing", smtp="nothing", lag_seconds="x")
    names = {problem.field for problem in refused.value.problems}
    wanted = ("WEBHOOK", "SECRET", "SMTP", "FROM", "TO", "LAG_SECONDS")
    assert names == {f"TWOFOLD_ALERT_{name}" for name in wanted}


def test_what_is_set_makes_channels() -> None:
    alerts = settings(
        webhook="https://hooks.example.org/x",
        secret=SECRET,
        smtp="smtps://us%40er:p%3Aw@mail.example.org",
        **{"from": "a@example.org", "to": "b@example.org, c@example.org"},
    ).alerts
    assert [channel.name for channel in alerts.channels()] == ["webhook", "e-mail"]
    assert alerts.smtp is not None
    server = alerts.smtp
    assert (server.user, server.password, server.port) == ("us@er", "p:w", 465)
    assert alerts.mail_to == ("b@example.org", "c@example.org")


def test_nobody_is_told_unless_it_is_said_whom() -> None:
    assert settings().alerts.channels() == []
    assert settings().alerts.limits.seconds == 5


@pytest.fixture(autouse=True)
def logging_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to the process, which other tests share."""
    monkeypatch.setattr("twofold.ops.commands.alerts.configure_logs", lambda: None)


def test_a_test_needs_somebody_to_be_told() -> None:
    done = CliRunner().invoke(cli, ["alerts", "shop", "test"])
    assert done.exit_code == 2
    assert "TWOFOLD_ALERT_WEBHOOK" in done.output


def test_a_test_that_nobody_takes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOFOLD_ALERT_WEBHOOK", "http://127.0.0.1:1/hidden")
    monkeypatch.setenv("TWOFOLD_ALERT_SECRET", SECRET)
    done = CliRunner().invoke(cli, ["alerts", "shop", "test", "--json"])
    assert done.exit_code == 1
    assert "not reached" in json.loads(done.stdout)["webhook"]
    assert "hidden" not in done.output
