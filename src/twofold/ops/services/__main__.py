"""``python -m twofold.ops.services`` is ``twofold services``."""

from twofold.ops.services.command import app

app(prog_name="twofold services")
