"""Real servers for development and tests, started on this machine and nowhere else."""

from twofold.ops.services.fleet import Status, down, status, up
from twofold.ops.services.service import Running, Service, ServiceProblem
from twofold.ops.services.temporary import provided, restart, temporary

__all__ = [
    "Running",
    "Service",
    "ServiceProblem",
    "Status",
    "down",
    "provided",
    "restart",
    "status",
    "temporary",
    "up",
]
