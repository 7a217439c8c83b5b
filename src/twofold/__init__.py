"""Twofold: a write side that decides, read models made for each query, provably in step."""

from msgspec import Meta

from twofold.domain.aggregate import Begun, EventSourced, StateStored
from twofold.domain.caller import NOBODY, SYSTEM, Caller, Rule, anyone, own, role, signed_in
from twofold.domain.context import Context, Sources
from twofold.domain.inbox import Foreign, Inbox
from twofold.domain.process import Process, Then
from twofold.domain.projection import Handwritten, Projection
from twofold.domain.questions import Fresh, Reader, answers, at_least, at_most, below, equal
from twofold.errors import InvalidInput, NotFound, Problem, Refused, TwofoldError
from twofold.messages.markers import (
    Between,
    Column,
    Facet,
    Filter,
    Key,
    Listed,
    Measure,
    Owner,
    Parameter,
    Search,
    Sort,
)
from twofold.messages.recorded import Recorded
from twofold.messages.value import Command, Event, Query, ReadModel, Timer, Value
from twofold.ports.read_store import Select, Sums
from twofold.ports.rows import Rows
from twofold.runtime.queries import Answered, Asked
from twofold.runtime.sending import Done, Sent
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.system import System
from twofold.wiring.application import Account, Application, Module
from twofold.wiring.routes import ask, delete, get, internal, post, put

__version__ = "0.1.0"

__all__ = [
    "NOBODY",
    "SYSTEM",
    "Account",
    "Answered",
    "Application",
    "Asked",
    "Begun",
    "Between",
    "Caller",
    "Column",
    "Command",
    "Context",
    "Done",
    "Event",
    "EventSourced",
    "Facet",
    "Filter",
    "Foreign",
    "Fresh",
    "Handwritten",
    "Inbox",
    "InvalidInput",
    "Key",
    "Listed",
    "Measure",
    "Meta",
    "Module",
    "NotFound",
    "Owner",
    "Parameter",
    "Problem",
    "Process",
    "Projection",
    "Query",
    "ReadModel",
    "Reader",
    "Recorded",
    "Refused",
    "Rows",
    "Rule",
    "RuntimeSettings",
    "Search",
    "Select",
    "Sent",
    "Sort",
    "Sources",
    "StateStored",
    "Sums",
    "System",
    "Then",
    "Timer",
    "TwofoldError",
    "Value",
    "answers",
    "anyone",
    "ask",
    "at_least",
    "at_most",
    "below",
    "delete",
    "equal",
    "get",
    "internal",
    "own",
    "post",
    "put",
    "role",
    "signed_in",
]
