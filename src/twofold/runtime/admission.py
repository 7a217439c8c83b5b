"""What can be said of a command before its aggregate's state is known."""

from __future__ import annotations

from typing import NamedTuple

from twofold.domain.caller import Caller
from twofold.errors import Forbidden, InvalidInput, Problem
from twofold.messages.value import Command
from twofold.wiring.handlings import Handling
from twofold.wiring.wired import Wired


class Admitted(NamedTuple):
    """How the command is handled, whether its caller is ``limited`` to what is theirs, and the
    aggregate that it names ("" = one to be begun, or one that another aggregate knows)."""

    handling: Handling
    limited: bool
    identity: str


def admitted(wired: Wired, command: Command, caller: Caller) -> Admitted:
    """Raises InvalidInput, SignInRequired, Forbidden."""
    handling = wired.handlings.get(type(command))
    if handling is None:
        raise InvalidInput(f"no aggregate decides {type(command).__name__}")
    limited = handling.may.check(handling.operation, caller)
    return Admitted(handling, limited, _identity(command, handling.identity_field))


def check_declared_owner(command: Command, caller: Caller, handling: Handling) -> None:
    """The rule ``own`` where the command itself says whose the aggregate is. Raises Forbidden."""
    if handling.command_owner and (handling.begins or not handling.state_owner):
        owner = getattr(command, handling.command_owner) or caller.subject
        if owner != caller.subject:
            raise Forbidden(handling.operation, handling.may.text)


def _identity(command: Command, field: str) -> str:
    if not field:
        return ""
    identity: str | None = getattr(command, field)
    if identity == "":
        names = zip(command.__struct_fields__, command.__struct_encode_fields__, strict=True)
        raise InvalidInput([Problem(dict(names)[field], "must not be empty")])
    return identity or ""
