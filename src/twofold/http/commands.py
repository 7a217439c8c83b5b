"""Commands over HTTP."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from twofold.domain.caller import role
from twofold.errors import InvalidInput, NotFound, SignInRequired
from twofold.http.exchange import Exchange
from twofold.http.problems import problem_bytes, status_of
from twofold.http.rejections import Malformed, WrongMediaType
from twofold.http.tokens import give_token
from twofold.messages.validation import read_value
from twofold.messages.value import Command
from twofold.runtime.refusals import read_refusal
from twofold.runtime.sending import SUCCEEDED, Sent
from twofold.runtime.system import System
from twofold.wiring.routes import Route

_KEY = re.compile(r'^"?([\x21\x23-\x7e]{1,255})"?$')
_OPERATORS = role("operator")
_TRACE = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


class CommandOperation:
    """One command's route."""

    def __init__(self, route: Route, system: System, limit_bytes: int) -> None:
        assert isinstance(route.target, type)
        self._command: type[Command] = route.target
        self._system = system
        self._limit = limit_bytes
        handling = system.wired.handlings[self._command]
        self._begins = handling.begins

    async def __call__(self, exchange: Exchange) -> None:
        """Read, handle, answer."""
        raw = await read_object(exchange, self._limit)
        command = read_value(self._command, raw, given=exchange.parameters)
        sent = Sent(
            caller=exchange.caller,
            key=idempotency_key(exchange),
            correlation_id=exchange.request_id,
            trace=_trace(exchange),
        )
        done = await self._system.send(command, sent)
        if done.position:
            give_token(exchange, self._system, done.position)
        exchange.add(b"command-id", done.command_id)
        if done.replayed:
            exchange.add(b"idempotent-replayed", "true")
        await exchange.answer(201 if self._begins else 200, done.answer)


async def read_object(exchange: Exchange, limit_bytes: int) -> dict[str, Any]:
    """The body as a JSON object, empty if there is none. Raises what is wrong with it."""
    body = await exchange.body(limit_bytes)
    media = exchange.header(b"content-type").partition(";")[0].strip().lower()
    if body and media not in ("application/json", ""):
        raise WrongMediaType(f"send application/json, not {media}")
    return _object(body) if body.strip() else {}


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw: Any = msgspec.json.decode(body)
    except UnicodeDecodeError as exc:
        raise Malformed(f"the body is not UTF-8: {exc.reason} at byte {exc.start}") from exc
    except msgspec.DecodeError as exc:
        raise Malformed(f"the body is no JSON: {exc}") from exc
    except RecursionError as exc:
        raise Malformed("the body is nested too deep") from exc
    if not isinstance(raw, dict):
        raise InvalidInput("the body must be a JSON object")
    return raw


class CommandStatus:
    """What a command came to, for whoever sent it, and for operators."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def __call__(self, exchange: Exchange) -> None:
        """Answer from the record. To others there is no such command."""
        caller, command_id = exchange.caller, exchange.parameters["commandId"]
        if not caller.subject:
            raise SignInRequired("a command's status")
        known = await self._system.log.records([command_id]) if "\x00" not in command_id else {}
        record = known.get(command_id)
        if record is None or (record.subject != caller.subject and not _OPERATORS.admits(caller)):
            raise NotFound("command", command_id)
        succeeded = record.status == SUCCEEDED
        token = self._system.tokens.token(record.position) if record.position else None
        raw = {
            "commandId": command_id,
            "status": record.status,
            "result": msgspec.Raw(record.answer) if succeeded else None,
            "problem": None if succeeded else self._problem(record.answer, exchange),
            "consistencyToken": token,
        }
        await exchange.answer(200, msgspec.json.encode(raw))

    def _problem(self, answer: bytes, exchange: Exchange) -> msgspec.Raw:
        refusal = read_refusal(answer)
        status = status_of(refusal, self._system.application.problems, command=True)
        return msgspec.Raw(problem_bytes(refusal, status, exchange.request_id))


def idempotency_key(exchange: Exchange) -> str:
    """The Idempotency-Key (draft 07 of the IETF): a structured string, or a bare token.

    Raises Malformed.
    """
    text = exchange.header(b"idempotency-key")
    if not text and not exchange.has(b"idempotency-key"):
        return ""
    match = _KEY.match(text.strip())
    if match is None or text.count('"') not in (0, 2):
        raise Malformed("Idempotency-Key: 1 to 255 visible characters, quoted or not")
    return match.group(1)


def _trace(exchange: Exchange) -> str:
    text = exchange.header(b"traceparent")
    return text if _TRACE.match(text) else ""
