"""RabbitMQ, from Debian's package."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import msgspec

from twofold.ops.services.launching import launched, says
from twofold.ops.services.processes import child_of, end, free_port, start_time
from twofold.ops.services.service import Running, ServiceProblem

_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_START_SECONDS = 90.0
# The protocol header of AMQP 0-9-1; the server's answer is its method connection.start.
_HEADER = b"AMQP\x00\x00\x09\x01"
_CONNECTION_START = b"\x00\x0a\x00\x0a"


class RabbitMq:
    """A private node with streams, the user ``guest``, loopback only."""

    name = "rabbitmq"
    address_variable = "TWOFOLD_TEST_RABBITMQ"

    def __init__(self, program: str = _PROGRAM) -> None:
        self._program = program

    def start(self, folder: Path, port: int) -> Running:
        """Start. Raises ServiceProblem."""
        program = shutil.which(self._program)
        if program is None:
            raise ServiceProblem(
                "no RabbitMQ here: apt-get install rabbitmq-server, or name a running one in "
                f"{self.address_variable}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plugins").write_text("[rabbitmq_stream].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\n"
            f"stream.listeners.tcp.1 = 127.0.0.1:{free_port()}\n"
        )
        started = launched(
            self,
            [program],
            folder,
            f"amqp://guest:guest@127.0.0.1:{port}",
            seconds=_START_SECONDS,
            environment=_environment(folder, port),
        )
        # The program is a script that waits for the node; what is to be ended is the node.
        node = child_of(started.pid)
        return msgspec.structs.replace(started, pid=node, started=start_time(node))

    def stop(self, running: Running) -> None:
        """Ends the node, and the name server that it started for itself."""
        end(running, [(signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)])
        ports = Path(running.folder) / "epmd"
        if ports.exists() and shutil.which("epmd"):
            subprocess.run(
                ["epmd", "-port", ports.read_text(), "-kill"], capture_output=True, check=False
            )
            ports.unlink()

    def ready(self, address: str) -> bool:
        """Whether it begins a connection."""
        return says(address, _HEADER, _CONNECTION_START)


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Everything that nodes of one machine would otherwise share."""
    # One that a killed node left behind is taken up again.
    kept = folder / "epmd"
    names = int(kept.read_text()) if kept.exists() else free_port()
    kept.write_text(str(names))
    return {
        # The node's data are kept under its name, so it has the same one at every start.
        "RABBITMQ_NODENAME": f"twofold-{port}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names),
        "HOME": str(folder),
    }
