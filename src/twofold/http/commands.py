"""Commands over HTTP."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from twofold.domain.caller import role
from twofold.errors import (
    CommandFailed,
    CommandParked,
    InvalidInput,
    KeyReused,
    NotFound,
    SignInRequired,
)
from twofold.http.exchange import Exchange
from twofold.http.problems import problem_bytes, status_of
from twofold.http.rejections import Malformed, WrongMediaType
from twofold.http.tokens import give_token, preferred_wait, prefers_later
from twofold.messages.validation import read_value
from twofold.messages.value import Command
from twofold.runtime.queued.accepting import CommandState
from twofold.runtime.refusals import read_refusal
from twofold.runtime.sending import Done, Sent, replayed
from twofold.runtime.system import System
from twofold.wiring.routes import Route

_KEY = re.compile(r'^"?([\x21\x23-\x7e]{1,255})"?$')
_OPERATORS = role("operator")


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
            trace=exchange.traceparent,
        )
        if self._system.queued.asynchronous or prefers_later(exchange):
            await self._accept(exchange, command, sent)
        else:
            await self._answer(exchange, await self._system.send(command, sent))

    async def _accept(self, exchange: Exchange, command: Command, sent: Sent) -> None:
        """Answer 202, or as if it were decided at once where the client waits for that."""
        queued = self._system.queued
        command_id = await queued.accept(command, sent)
        seconds = min(preferred_wait(exchange) or 0.0, self._system.settings.wait_limit_seconds)
        record = await queued.outcome(command_id, seconds) if seconds else None
        if record is not None:
            done = replayed(record, "", "", sent.key)
            await self._answer(exchange, msgspec.structs.replace(done, replayed=False))
            return
        exchange.add(b"location", f"{exchange.scope.get('root_path', '')}/commands/{command_id}")
        exchange.add(b"command-id", command_id)
        if prefers_later(exchange):
            exchange.add(b"preference-applied", "respond-async")
        await exchange.answer(202, status_bytes(CommandState(command_id, "accepted")))

    async def _answer(self, exchange: Exchange, done: Done) -> None:
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
        """Answer from its record or the queue. To others there is no such command."""
        caller, command_id = exchange.caller, exchange.parameters["commandId"]
        if not caller.subject:
            raise SignInRequired("a command's status")
        operator = _OPERATORS.admits(caller)
        look = self._system.queued.look
        state = None
        if "\x00" not in command_id:
            state = await look(command_id, caller, everyones=operator)
        if state is None:
            raise NotFound("command", command_id)
        record = state.record
        problem = self._problem(state, exchange, operator)
        position = record.position if record is not None else 0
        token = self._system.tokens.token(position) if position else None
        await exchange.answer(200, status_bytes(state, problem, token))

    def _problem(
        self, state: CommandState, exchange: Exchange, operator: bool
    ) -> msgspec.Raw | None:
        error = _error(state, operator)
        if error is None:
            return None
        status = status_of(error, self._system.application.problems, command=True)
        return msgspec.Raw(problem_bytes(error, status, exchange.request_id))


def _error(state: CommandState, operator: bool) -> Exception | None:
    """What keeps a command from having succeeded."""
    if state.record is None:
        parked = state.parked
        if parked is None:
            return None
        first = parked.command_id == state.command_id.partition(".")[0]
        return CommandParked(state.command_id, first, parked.error if operator else "")
    if state.status == "succeeded":
        return None
    if state.reused:
        return KeyReused()
    if state.status == "failed":
        why = msgspec.json.decode(state.record.answer)["why"] if operator else ""
        return CommandFailed(state.command_id, why)
    return read_refusal(state.record.answer)


def status_bytes(
    state: CommandState, problem: msgspec.Raw | None = None, token: str | None = None
) -> bytes:
    """The document that says what became of a command."""
    succeeded = state.record is not None and state.status == "succeeded"
    raw = {
        "commandId": state.command_id,
        "status": state.status,
        "result": msgspec.Raw(state.record.answer) if state.record and succeeded else None,
        "problem": problem,
        "consistencyToken": token,
    }
    return msgspec.json.encode(raw)


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
