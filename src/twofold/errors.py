"""Every error Twofold raises, in one tree.

    TwofoldError
    ├── InvalidInput            the caller sent something that can't be read: all problems at once
    │   ├── BadCursor           a page cursor that is damaged, forged or belongs to another list
    │   └── BadToken            a consistency token that is damaged or forged
    │       ├── ForeignToken    a token of another database
    │       └── FutureToken     a token beyond everything this database ever recorded
    ├── Refused                 a business rule says no
    ├── SignInRequired          nobody is signed in
    ├── Forbidden               somebody is, but may not
    ├── NotFound                the thing asked for does not exist
    ├── AlreadyExists           the thing to be created exists
    ├── KeyReused               an idempotency key came back with another payload
    ├── CommandFailed           a command that was accepted could not be decided, and is left out
    ├── CommandParked           a command that was accepted waits for an operator
    ├── ConcurrencyConflict     somebody else changed the stream first, even after re-deciding
    ├── NotCaughtUp             a read model did not reach the position asked for in time
    ├── ProjectionFailed        a fold raised
    ├── TooMuchParked           work stops rather than park everything
    ├── ParkedChanged           somebody else was at a parked sequence first
    ├── ReleaseRunning          somebody is releasing all that waits in this place
    ├── ProcessFailed           a process manager's reaction raised
    ├── CorruptEvent            a recorded event can't be decoded
    ├── UnknownEvent            a recorded event has a type that no module declares
    ├── UnknownCommand          a command that a process sent is declared nowhere any more
    ├── ForeignLog              a read store was built from another log
    ├── RestoredLog             the log is an older copy of the one a read store was built from
    ├── ForeignEvents           the log is another application's
    ├── ShapeChanged            a read model's table has other columns than its declaration
    ├── Outdated                folds have changed since their read models were built
    ├── RebuildRunning          somebody is building this read model anew, or switching it
    ├── VersionsChanged         versions of a read model are not as they were seen
    ├── FormerCodeAtWork        processes still read what another code is to go on with
    ├── CheckpointLost          another worker moved this projection's checkpoint
    ├── LeaseLost               another worker holds this part of the work now
    ├── StoreUnavailable        a database or broker does not answer
    │   ├── StoreFull           a database has no room left
    │   ├── ReadModelStopped    an inline read model takes nothing more that would have to wait
    │   └── BrokerUnavailable   a broker does not answer
    ├── NotDelivered            nobody took an alert
    ├── TooManyRejected         so many messages are kept aside that nothing more is taken
    ├── BrokerUnsuitable        a broker is set up so that it could lose or mix messages
    ├── MessageTooLarge         an event or command is larger than the broker takes
    ├── ShuttingDown            the process drains and takes nothing new
    ├── WiringProblems          mistakes in an application's declarations, all of them
    └── SettingsProblems        mistakes in settings, all of them

Errors carry data; what they mean over HTTP is decided in ``twofold.http`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class TwofoldError(Exception):
    """Base of every error raised by Twofold."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: ``field`` is its path as the caller wrote it ("" = all)."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidInput(TwofoldError):
    """The input can't be accepted; ``problems`` names everything wrong with it."""

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = (Problem("", problems),)
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class BadCursor(InvalidInput):
    """The cursor was not made by this list with these filters and this sort."""

    def __init__(self, why: str) -> None:
        super().__init__([Problem("cursor", f"{why}; start again without a cursor")])


class BadToken(InvalidInput):
    """The consistency token was not issued by this system."""

    def __init__(self, why: str) -> None:
        super().__init__([Problem("consistencyToken", f"{why}; send the query without it")])


class ForeignToken(BadToken):
    """The token names a log with another identity (another or a restored database)."""


class FutureToken(BadToken):
    """The token names a position that this log has not reached."""


class Refused(TwofoldError):
    """A business rule says no; ``allowed`` says what would be possible instead.

    Subclass it to give a rule a name of its own; the name appears in the problem's type, and
    ``details`` (JSON values) beside it.
    """

    def __init__(
        self, why: str, *, allowed: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        self.why = why
        self.allowed = allowed
        self.details = dict(details or {})
        super().__init__(f"{why} ({allowed})" if allowed else why)


class SignInRequired(TwofoldError):
    """The operation needs a signed-in caller."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        super().__init__(f"{operation} needs a signed-in caller")


class Forbidden(TwofoldError):
    """The caller is known and may not do this."""

    def __init__(self, operation: str, needed: str) -> None:
        self.operation = operation
        self.needed = needed
        super().__init__(f"{operation} is for {needed}")


class NotFound(TwofoldError):
    """There is no such thing. ``nearest``: what may have been meant."""

    def __init__(self, what: str, identity: str, nearest: str = "") -> None:
        self.what = what
        self.identity = identity
        self.nearest = nearest
        hint = f"; did you mean {nearest}?" if nearest else ""
        super().__init__(f"no {what} has the id {identity!r}{hint}")


class AlreadyExists(TwofoldError):
    """The stream to be created exists."""

    def __init__(self, what: str, identity: str) -> None:
        self.what = what
        self.identity = identity
        super().__init__(f"{what} {identity!r} exists already")


class KeyReused(TwofoldError):
    """The idempotency key was used with another payload; use a new key."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        named = f"the key {key!r}" if key else "the key"
        super().__init__(f"{named} was used with another payload; use a new key")


class CommandFailed(TwofoldError):
    """An accepted command could not be decided, and was left out; it had no effect.

    ``why`` tells who left it out for which reason, for operators.
    """

    def __init__(self, command_id: str, why: str = "") -> None:
        self.command_id = command_id
        self.why = why
        super().__init__(
            f"the command {command_id} could not be carried out and had no effect; once the cause "
            "is mended, send it again under a new key"
        )


class CommandParked(TwofoldError):
    """An accepted command waits: it met an unexpected error (``first``), or one before it did.

    ``why`` is that error, for operators.
    """

    def __init__(self, command_id: str, first: bool, why: str = "") -> None:
        self.command_id = command_id
        self.first = first
        self.why = why
        met = "met an unexpected error"
        what = met if first else f"waits behind one that {met}"
        super().__init__(
            f"the command {command_id} {what}; it is kept, and decided once an operator has "
            "released it; do not send it again"
        )


class ConcurrencyConflict(TwofoldError):
    """The stream moved on between deciding and appending, ``attempts`` times in a row."""

    def __init__(self, stream: str, expected: int, actual: int, attempts: int = 1) -> None:
        self.stream = stream
        self.expected = expected
        self.actual = actual
        self.attempts = attempts
        super().__init__(
            f"{stream} is at version {actual}, expected {expected} "
            f"(after {attempts} attempts); send the command again"
        )


class NotCaughtUp(TwofoldError):
    """The read model is behind the position asked for; the command itself is committed.

    ``state`` tells why: "catching-up", "rebuilding", "parked" or "stopped".
    """

    def __init__(
        self, projection: str, wanted: int, applied: int, waited_seconds: float, state: str
    ) -> None:
        self.projection = projection
        self.wanted = wanted
        self.applied = applied
        self.waited_seconds = waited_seconds
        self.state = state
        super().__init__(
            f"{projection} has applied {applied} of {wanted} after {waited_seconds:.1f} s "
            f"({state}); what was committed is safe, ask again"
        )


class ProjectionFailed(TwofoldError):
    """A fold raised on an event; the cause is chained."""

    def __init__(self, projection: str, event_type: str, stream: str, position: int) -> None:
        self.projection = projection
        self.event_type = event_type
        self.stream = stream
        self.position = position
        super().__init__(
            f"projection {projection} failed on {event_type} of {stream} at position {position}"
        )


class TooMuchParked(TwofoldError):
    """A projection stops rather than park more sequences than its limit allows.

    ``projection`` is "commands" where workers stop deciding accepted commands.
    """

    def __init__(self, projection: str, limit: int, cause: str, error: str) -> None:
        self.projection = projection
        self.limit = limit
        self.cause = cause
        self.error = error
        of = f" for one cause ({cause})" if cause else ""
        setting = "TWOFOLD_PARKED_LIMIT" + ("_PER_CAUSE" if cause else "")
        who = "deciding commands" if projection == "commands" else f"projection {projection}"
        super().__init__(
            f"{who} stops: more than {limit} sequences would be parked{of}; the "
            f"last one failed with {error}. Mend what they have in common, or raise {setting}"
        )


class ParkedChanged(TwofoldError):
    """Somebody else has released, discarded or tried a parked sequence meanwhile."""

    def __init__(self, projection: str, sequence: str) -> None:
        self.projection = projection
        self.sequence = sequence
        super().__init__(
            f"{sequence} of {projection} is not as it was seen any more; look at it again"
        )


class ReleaseRunning(TwofoldError):
    """Somebody else is releasing everything that waits in this place."""

    def __init__(self, projection: str, by: str, told: str) -> None:
        self.projection = projection
        self.by = by
        whose = f" by {by}" if by else ""
        super().__init__(
            f"what waits in {projection} is being released{whose}: {told} so far. Wait for it, or "
            "stop it"
        )


class ProcessFailed(TwofoldError):
    """A reaction raised, or what an instance remembers can't be read; the cause is chained."""

    def __init__(self, process: str, key: str, what: str) -> None:
        self.process = process
        self.key = key
        self.what = what
        super().__init__(f"process {process} failed for {key!r} on {what}")


class CorruptEvent(TwofoldError):
    """A recorded event does not fit its type, after upcasting."""

    def __init__(self, event_type: str, stream: str, position: int, why: str) -> None:
        self.event_type = event_type
        self.stream = stream
        self.position = position
        super().__init__(
            f"{event_type} of {stream} at position {position} can't be read: {why}; "
            "add an upcaster for its version"
        )


class UnknownEvent(TwofoldError):
    """A recorded event has a type that no aggregate declares."""

    def __init__(self, event_type: str, stream: str, position: int) -> None:
        self.event_type = event_type
        self.stream = stream
        self.position = position
        super().__init__(
            f"{event_type} of {stream} at position {position} is declared nowhere; if it was "
            "renamed, declare the former name with `aggregate.formerly(...)`"
        )


class UnknownCommand(TwofoldError):
    """A command that was sent by former code is decided by no aggregate of today."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        super().__init__(
            f"no aggregate decides {operation}, which a process has sent; keep the command until "
            "all of them are through"
        )


class ForeignLog(TwofoldError):
    """A checkpoint or read store belongs to another log than the one configured."""

    def __init__(self, where: str, expected: str, actual: str) -> None:
        self.where = where
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"{where} was built from log {actual}, this log is {expected}; "
            "configure the matching database, or rebuild the read models"
        )


class RestoredLog(TwofoldError):
    """The log ends before what a read model has applied: it is an older copy of that one."""

    def __init__(self, where: str, applied: int, head: int) -> None:
        self.where = where
        self.applied = applied
        self.head = head
        super().__init__(
            f"{where} was built from a log that went to {applied:,}, and this one ends at "
            f"{head:,}: it was restored from an older copy. Put the later one back; or name an "
            "empty database in TWOFOLD_READ, so that the read models are made anew, and with a "
            "broker another TWOFOLD_CHANNEL_PREFIX, for what was published is of the log that is "
            "lost"
        )


class ForeignEvents(TwofoldError):
    """The log holds events, and none of them (``types`` are some) is of this application."""

    def __init__(self, application: str, types: Sequence[str]) -> None:
        self.application = application
        self.types = tuple(types)
        super().__init__(
            f"TWOFOLD_LOG names the database of another application: none of its events "
            f"({', '.join(types)}, …) is declared by {application}. Set it to the database of "
            f"{application}, or name the application that this one belongs to; if all events of "
            f"{application} were renamed, declare their former names with `aggregate.formerly(...)`"
        )


class ShapeChanged(TwofoldError):
    """The table exists with other columns; build a new version with ``twofold rebuild``."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(
            f"table {table} has other columns than its read model now declares; "
            "run twofold rebuild for this projection"
        )


class Outdated(TwofoldError):
    """Projections were changed and the log is too long to rebuild them while starting."""

    def __init__(self, projections: Sequence[str], events: int) -> None:
        self.projections = tuple(projections)
        self.events = events
        names = ", ".join(projections)
        super().__init__(
            f"the folds of {names} have changed since their read models were built; with "
            f"{events} events in the log, run: twofold rebuild APP {' '.join(projections)} (or, "
            "where the change does not concern rows made so far: twofold adopt APP PROJECTION)"
        )


class RebuildRunning(TwofoldError):
    """Somebody else is building a version of this projection, or switching its versions."""

    def __init__(self, projection: str, by: str, what: str) -> None:
        self.projection = projection
        self.by = by
        self.what = what
        whose = f" by {by}" if by else ""
        super().__init__(
            f"{projection} is being worked on{whose}: {what}. "
            f"Watch it with: twofold versions APP list {projection}"
        )


class VersionsChanged(TwofoldError):
    """The versions of a read model are not as they were seen; nothing was done."""

    def __init__(self, projection: str, why: str) -> None:
        self.projection = projection
        self.why = why
        super().__init__(f"the versions of {projection} are not as they were seen: {why}")


class FormerCodeAtWork(TwofoldError):
    """Processes with the former code live, which would go on with the same rows."""

    def __init__(self, projection: str, version: int, processes: int) -> None:
        self.projection = projection
        self.version = version
        self.processes = processes
        super().__init__(
            f"version {version} of {projection} can't be adopted: processes that live read it with "
            f"the former code ({processes}). Stop them; one that was killed counts for some seconds"
        )


class CheckpointLost(TwofoldError):
    """Another worker moved the checkpoint first; nothing was written, read it again."""

    def __init__(self, projection: str, expected: int) -> None:
        self.projection = projection
        self.expected = expected
        super().__init__(f"checkpoint of {projection} is no longer {expected}")


class StoreUnavailable(TwofoldError):
    """The database can't be reached or gave up; nothing was half-applied."""

    def __init__(self, store: str, why: str) -> None:
        self.store = store
        self.why = why
        super().__init__(f"{store} is not available: {why}")


class StoreFull(StoreUnavailable):
    """The database has no room; nothing was half-applied. Free space and try again."""


class ReadModelStopped(StoreUnavailable):
    """A read model kept in the command's transaction takes no more that would wait for an operator.

    Nothing was recorded. Why is told to operators: what a fold said may quote somebody's data.
    """

    def __init__(self, projection: str) -> None:
        self.projection = projection
        super().__init__(f"the read model {projection}", "too much of it waits for an operator")


class BrokerUnavailable(StoreUnavailable):
    """The broker can't be reached or refuses to work."""


class BrokerUnsuitable(TwofoldError):
    """The broker or one of its channels is set up in a way that breaks a promise."""

    def __init__(self, broker: str, why: str) -> None:
        self.broker = broker
        self.why = why
        super().__init__(f"{broker} can't be used as it is: {why}")


class MessageTooLarge(TwofoldError):
    """A message has more bytes than the broker takes."""

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        self.what = what
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        super().__init__(
            f"{what} has {size_bytes:,} bytes and the broker takes {limit_bytes:,}: make it "
            "smaller, or raise the broker's limit"
        )


class LeaseLost(TwofoldError):
    """Another worker has taken over; what was being done is left to it."""

    def __init__(self, group: str, part: int) -> None:
        self.group = group
        self.part = part
        super().__init__(f"part {part} of {group} is held by another worker now")


class NotDelivered(TwofoldError):
    """A channel did not take a message; ``why`` names neither its address nor its credentials.

    ``partly``: some got it and the others never will, so it is not to be sent again.
    """

    def __init__(self, channel: str, why: str, *, partly: bool = False) -> None:
        self.channel = channel
        self.why = why
        self.partly = partly
        super().__init__(f"{channel} took no message: {why}")


class TooManyRejected(TwofoldError):
    """So many messages of a channel are kept aside that it is not read any further."""

    def __init__(self, channel: str, limit: int) -> None:
        self.channel = channel
        self.limit = limit
        super().__init__(
            f"{limit:,} messages of {channel} are kept aside; retry or dismiss them: "
            "twofold rejected APP"
        )


class ShuttingDown(TwofoldError):
    """The process drains; send the request to another one."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in declarations, with the place in the source to look at."""

    message: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.file else self.message


class WiringProblems(TwofoldError):
    """The application's declarations contradict each other; ``mistakes`` lists all of them."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class SettingsProblems(TwofoldError):
    """The settings can't work; ``problems`` lists all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
