"""What tests of an application need: rules as sentences, whole sites, time and faults at will."""

from twofold.testing.fault_plan import Fault, FaultPlan
from twofold.testing.faults import FaultyLog, FaultyReadStore
from twofold.testing.history import stream
from twofold.testing.process_scenario import process, refusal, sets
from twofold.testing.scenario import given, projected
from twofold.testing.site import Response, Site, site, site_fixture
from twofold.testing.virtual_time import Deadlock, Livelock, VirtualClock, run_virtual

__all__ = [
    "Deadlock",
    "Fault",
    "FaultPlan",
    "FaultyLog",
    "FaultyReadStore",
    "Livelock",
    "Response",
    "Site",
    "VirtualClock",
    "given",
    "process",
    "projected",
    "refusal",
    "run_virtual",
    "sets",
    "site",
    "site_fixture",
    "stream",
]
