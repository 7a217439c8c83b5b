"""Servers that take alerts: one for webhooks, one for mail."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on this machine that talks to whoever comes; its port. It leaves nothing open."""
    talking: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await talk(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            talking.discard(task)

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


class Hook:
    """Requests as they came. ``statuses`` are answered one after the other, then 204."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    @property
    def bodies(self) -> list[Any]:
        return [msgspec.json.decode(body) for _, body in self.requests]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        exact = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:-2]}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((exact, body))
        status = self.statuses.pop(0) if self.statuses else 204
        elsewhere = "location: /elsewhere\r\n" if status in (301, 302) else ""
        writer.write(f"HTTP/1.1 {status} X\r\n{elsewhere}connection: close\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    """A receiver of webhooks on this machine."""
    receiver = Hook()
    async with served(receiver.answer) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver


class Post:
    """Mails as they came, each with whether the connection was encrypted and who signed in, and
    whom they ``reached``. Recipients that are ``refused`` get their code, QUIT the ``goodbye``.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.mails: list[tuple[Message, bool, str]] = []
        self.reached: list[list[str]] = []
        self.refused: dict[str, int] = {}
        self.goodbye = 221
        self.port = 0
        self._context = context

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user, encrypted = "", writer.get_extra_info("sslcontext") is not None
        recipients: list[str] = []

        async def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())
            await writer.drain()

        await say("220 post")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            if verb == "EHLO":
                offered = "AUTH PLAIN" if encrypted else "STARTTLS"
                await say(f"250-post\r\n250 {offered}")
            elif verb == "STARTTLS":
                await say("220 go on")
                await writer.start_tls(self._context)
                encrypted = True
            elif verb == "AUTH":
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                await say("235 fine" if password == "pass word" else "535 who are you?")
            elif verb == "RCPT":
                code = next((code for one, code in self.refused.items() if one in line), 250)
                recipients += [line] if code == 250 else []
                await say(f"{code} what else?")
            elif verb == "DATA":
                await say("354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append((message_from_bytes(raw[:-3]), encrypted, user))
                self.reached.append(
                    [line.partition("<")[2].partition(">")[0] for line in recipients]
                )
                await say("250 taken")
            elif verb == "QUIT":
                await say(f"{self.goodbye} bye")
                break
            else:
                await say("250 fine")


@asynccontextmanager
async def post(folder: Path, *, implicit: bool = False) -> AsyncIterator[Post]:
    """A mail server on this machine; its certificate's authority is ``folder/ca.pem``."""
    context = _certified(folder)
    receiver = Post(context)
    async with served(receiver.talk, context if implicit else None) as receiver.port:
        yield receiver


def _certified(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
