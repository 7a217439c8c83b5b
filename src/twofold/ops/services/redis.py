"""Redis, from Debian's package or wherever ``redis-server`` is found."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from twofold.ops.services.launching import launched, says
from twofold.ops.services.processes import end
from twofold.ops.services.service import Running, ServiceProblem

_START_SECONDS = 20.0


class Redis:
    """A server without a password, loopback only, that writes every change to its file."""

    name = "redis"
    address_variable = "TWOFOLD_TEST_REDIS"

    def start(self, folder: Path, port: int) -> Running:
        """Start. Raises ServiceProblem."""
        program = shutil.which("redis-server")
        if program is None:
            raise ServiceProblem(
                "no Redis here: apt-get install redis-server, or name a running one in "
                f"{self.address_variable}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        # Streams are kept as long as the machine is up after a kill, a second's worth may be lost
        # with the power; "always" is for who needs more.
        kept = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        place = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
        address = f"redis://127.0.0.1:{port}"
        return launched(self, [program, *place, *kept], folder, address, seconds=_START_SECONDS)

    def stop(self, running: Running) -> None:
        """Ends after writing its file."""
        end(running, [(signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)])

    def ready(self, address: str) -> bool:
        """Whether it answers PING; while it loads its file it does not."""
        return says(address, b"PING\r\n", b"+PONG")
