"""Alerts reach real servers: signed, encrypted, tried again, and telling no secret when refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.databases import new_postgres
from tests.integration.conftest import Stores
from tests.proposals import app
from tests.receivers import Post, hook, post, served
from tests.waiting import until
from twofold import RuntimeSettings, System
from twofold.adapters.disk.space import Space
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.vitals import PostgresVitals
from twofold.adapters.smtp.channel import Mail, Server
from twofold.adapters.webhook.channel import Webhook
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.errors import NotDelivered
from twofold.ports.alerts import Message
from twofold.ports.vitals import Vitals
from twofold.runtime.alerting.alerting import Alerting
from twofold.runtime.alerting.desk import look_at_alerts
from twofold.runtime.alerting.limits import AlertLimits
from twofold.runtime.clock import SeededChance, SystemClock

KEY = b"a key of twenty-four bytes, or more"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def message(**changed: Any) -> Message:
    told: dict[str, Any] = {
        "delivery": "0193.opened.1",
        "occasion": "opened",
        "application": "shop",
        "alert": "0193",
        "key": "parked/order",
        "kind": "parked",
        "subject": "order",
        "severity": "page",
        "summary": "parked sequences of order: 1",
        "advice": "See twofold parked.",
        "opened_at": NOW,
        "sent_at": NOW,
    }
    return Message(**told | changed)


async def test_a_webhook_is_signed_over_its_id_its_time_and_its_body() -> None:
    async with hook() as receiver:
        await Webhook(receiver.url, SECRET).send(message())
    (headers, body), (told,) = receiver.requests[0], receiver.bodies
    signed = f"0193.opened.1.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-id"] == "0193.opened.1"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert told["openedAt"] == "2026-03-01T12:30:00Z"
    assert (told["occasion"], told["key"], told["recoveredAt"]) == ("opened", "parked/order", None)


@pytest.mark.parametrize("status", [301, 404, 500, 503])
async def test_an_answer_that_is_no_success_is_a_refusal(status: int) -> None:
    async with hook() as receiver:
        receiver.statuses = [status]
        with pytest.raises(NotDelivered, match=f"it answered {status}"):
            await Webhook(receiver.url, SECRET).send(message())
        assert len(receiver.requests) == 1


async def test_nobody_there_is_a_refusal_that_does_not_tell_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/secret-path"
        with pytest.raises(NotDelivered) as refused:
            await Webhook(url, SECRET).send(message())
    assert "secret-path" not in str(refused.value)


async def test_a_receiver_that_never_answers_is_not_waited_for_for_ever() -> None:
    async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with served(says_nothing) as port:
        with pytest.raises(NotDelivered):
            await Webhook(f"http://127.0.0.1:{port}/", SECRET, timeout_seconds=0.2).send(message())


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n"]
)
async def test_an_answer_that_is_no_http_is_a_refusal_that_does_not_quote_it(answer: bytes) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with served(answers) as port:
        with pytest.raises(NotDelivered, match="does not speak HTTP") as refused:
            await Webhook(f"http://127.0.0.1:{port}/", SECRET).send(message())
    assert "SSH" not in str(refused.value)


async def test_who_answers_a_byte_now_and_then_holds_one_thread_that_nobody_else_needs() -> None:
    came = 0

    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            writer.write(b"y")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with served(drips) as port:
        webhook = Webhook(f"http://127.0.0.1:{port}/", SECRET, timeout_seconds=0.1)
        for _ in range(3):
            with pytest.raises(NotDelivered, match="no answer in time"):
                await webhook.send(message())
        held = [one for one in threading.enumerate() if one.name == "twofold-webhook"]
        assert [one.daemon for one in held] == [True]
        assert came == 1
    await until(lambda: not held[0].is_alive())


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_mail_goes_out_encrypted_and_signed_in(tmp_path: Path, tls: Any) -> None:
    async with post(tmp_path, implicit=tls == "implicit") as receiver:
        server = Server(
            host="127.0.0.1",
            port=receiver.port,
            user="shop",
            password="pass word",
            tls=tls,
            ca=str(tmp_path / "ca.pem"),
        )
        mail = Mail(server, "alerts@example.org", ("ops@example.org", "two@example.org"))
        await mail.send(message())
        recovered = message(occasion="recovered", delivery="0193.recovered.1", recovered_at=NOW)
        await mail.send(recovered)
    (first, encrypted, user), (second, _, _) = receiver.mails
    assert encrypted
    assert user == "shop"
    assert first["Subject"] == "[shop] page: parked sequences of order: 1"
    assert first["To"] == "ops@example.org, two@example.org"
    assert "See twofold parked." in str(first.get_payload())
    assert second["References"] == first["Message-ID"]
    assert second["Subject"].startswith("[shop] recovered:")


async def test_mail_is_not_sent_to_a_server_that_nobody_vouches_for(tmp_path: Path) -> None:
    async with post(tmp_path) as receiver:
        server = Server(host="127.0.0.1", port=receiver.port, user="shop", password="pass word")
        with pytest.raises(NotDelivered, match="SSL"):
            await Mail(server, "a@example.org", ("b@example.org",)).send(message())
    assert receiver.mails == []


async def test_a_wrong_password_is_a_refusal_that_does_not_tell_it(tmp_path: Path) -> None:
    async with post(tmp_path) as receiver:
        ca = str(tmp_path / "ca.pem")
        server = Server(
            host="127.0.0.1", port=receiver.port, user="shop", password="hunter2", ca=ca
        )
        with pytest.raises(NotDelivered, match="535") as refused:
            await Mail(server, "a@example.org", ("b@example.org",)).send(message())
    assert "hunter2" not in str(refused.value)


def recipients(receiver: Post) -> Mail:
    server = Server(host="127.0.0.1", port=receiver.port, tls="none")
    return Mail(server, "a@example.org", ("one@example.org", "two@example.org"))


async def test_a_recipient_that_is_refused_is_told_and_the_others_have_the_mail(
    tmp_path: Path,
) -> None:
    async with post(tmp_path) as receiver:
        receiver.refused = {"two@example.org": 550}
        with pytest.raises(NotDelivered, match="1 of the recipients were refused") as told:
            await recipients(receiver).send(message())
    assert told.value.partly
    assert receiver.reached == [["one@example.org"]]


async def test_a_recipient_that_is_put_off_gets_the_mail_later_and_the_others_once(
    tmp_path: Path,
) -> None:
    async with post(tmp_path) as receiver:
        receiver.refused = {"two@example.org": 450}
        mail = recipients(receiver)
        for _ in range(2):
            with pytest.raises(NotDelivered, match="1 of the recipients were put off") as told:
                await mail.send(message())
            assert not told.value.partly
        receiver.refused.clear()
        await mail.send(message())
        await mail.send(message(delivery="0193.changed.2"))
    both = ["one@example.org", "two@example.org"]
    assert receiver.reached == [["one@example.org"], ["two@example.org"], both]


async def test_a_mail_that_nobody_may_get_is_tried_again(tmp_path: Path) -> None:
    async with post(tmp_path) as receiver:
        receiver.refused = {"example.org": 550}
        with pytest.raises(NotDelivered, match="2 of the recipients were refused") as told:
            await recipients(receiver).send(message())
    assert not told.value.partly


async def test_a_mail_that_was_taken_stays_so_however_the_server_says_goodbye(
    tmp_path: Path,
) -> None:
    async with post(tmp_path) as receiver:
        receiver.goodbye = 421
        await recipients(receiver).send(message())
    assert len(receiver.mails) == 1


class Sick:
    """A database that something keeps from clearing away rows, until it is cured."""

    name = "write database"
    cured = False

    async def look(self) -> Vitals:
        return Vitals(horizon_seconds=0.0 if self.cured else 99.0, horizon="session 7")


@pytest.mark.parametrize("stores", ["sqlite", "postgres"], indirect=True)
async def test_processes_on_one_database_send_one_message_and_try_again_until_it_is_taken(
    stores: Stores,
) -> None:
    limits = AlertLimits(seconds=0.1, horizon_seconds=10.0)
    sick = Sick()
    async with hook() as receiver:
        receiver.statuses = [500, 503]
        beside = partial(Alerting, channels=[Webhook(receiver.url, SECRET)], vitals=[sick])

        def process(seed: int) -> System:
            settings = RuntimeSettings(alerts=limits, retry_seconds=0.05, lease_seconds=60.0)
            return System(
                app,
                *stores(),
                clock=SystemClock(),
                chance=SeededChance(seed),
                settings=settings,
                beside=[beside],
            )

        async with process(1) as one:
            async with process(2):

                async def told() -> bool:
                    (alert,) = (await look_at_alerts(one.log)).open or (None,)
                    return alert is not None and bool(alert.told)

                await until(told, 60)
            assert [body["occasion"] for body in receiver.bodies] == ["opened"] * 3
            assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1
        # Both are gone; whoever comes next knows who was told.
        async with process(3) as later:
            sick.cured = True

            async def over() -> bool:
                return not (await look_at_alerts(later.log)).open

            await until(over, 60)
            await until(lambda: len(receiver.requests) == 4, 60)
            assert receiver.bodies[-1]["occasion"] == "recovered"


async def test_postgres_tells_its_clock_and_what_holds_its_horizon(postgres: str) -> None:
    database, other = PostgresDatabase(postgres), PostgresDatabase(postgres)
    await database.open()
    await other.open()
    try:
        vitals = PostgresVitals("write database", database)
        async with other.planned() as connection, connection.transaction():
            await connection.execute("create table kept (id int)")
            held = await vitals.look()
        assert "is in a transaction, idle in transaction" in held.horizon
        assert held.time_us is not None
        assert abs(held.time_us / 1e6 - datetime.now(UTC).timestamp()) < 60
        assert held.horizon_seconds is not None
        assert held.horizon_seconds > 0
        assert (await vitals.look()).horizon_seconds == 0
    finally:
        await other.close()
        await database.close()


async def test_room_is_told_where_a_file_is_to_be_made(tmp_path: Path) -> None:
    vitals = await Space("write database", tmp_path / "not" / "yet" / "there.db").look()
    assert vitals.free_bytes is not None
    assert vitals.free_bytes > 0


async def test_who_does_not_read_looks_after_the_write_database_alone(
    postgres: str, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = PostgresVitals.look

    async def noted(self: PostgresVitals) -> Vitals:
        found = await look(self)
        looked.append(self.name)
        return found

    monkeypatch.setattr(PostgresVitals, "look", noted)
    given = {
        "TWOFOLD_LOG": postgres,
        "TWOFOLD_READ": await new_postgres(postgres_server),
        "TWOFOLD_PROJECTIONS": "async",
        "TWOFOLD_ALERT_SECONDS": "0.05",
    }
    for role, names in (
        ("scheduler", {"write database"}),
        ("api", {"write database", "read store"}),
    ):
        looked.clear()
        settings = read_settings("training", given)
        async with assemble(app, settings, roles=frozenset({role})) as system:
            await until(lambda: len(looked) > 3)
            assert set(looked) == names
            assert system.ended == {}
