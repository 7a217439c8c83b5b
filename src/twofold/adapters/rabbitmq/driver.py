"""pika, and why it failed in the words of whoever said so."""

from __future__ import annotations

import logging

try:
    import pika as pika
    from pika import exceptions as exceptions
    from pika.adapters.asyncio_connection import AsyncioConnection as AsyncioConnection
    from pika.adapters.utils import connection_workflow as workflow
except ModuleNotFoundError as exc:
    if exc.name != "pika":
        raise
    raise ModuleNotFoundError(
        "RabbitMQ needs a library: pip install 'twofold[rabbitmq]'", name="pika"
    ) from exc

_REFUSED = "(403)"

# Everything that it logs as an error is raised as one of ours.
if logging.getLogger("pika").level == logging.NOTSET:
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def reason(error: BaseException) -> str:
    """The innermost reason that pika gives."""
    cause = _cause(error)
    if isinstance(cause, exceptions.IncompatibleProtocolError):
        return "it does not speak AMQP 0-9-1, or closed the connection at once"
    if isinstance(cause, exceptions.ProbableAuthenticationError) and _REFUSED in str(cause):
        return f"wrong credentials: {cause}"
    if isinstance(cause, exceptions.AMQPHeartbeatTimeout):
        return "nothing is heard of it any more"
    if isinstance(cause, exceptions.ConnectionClosed):
        return str(cause.reply_text)
    return str(cause) or type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    inner = error.args[0] if error.args else None
    if isinstance(error, workflow.AMQPConnectionWorkflowFailed):
        inner = error.exceptions[-1]
    elif isinstance(error, workflow.AMQPConnectorPhaseErrorBase):
        inner = error.exception
    return _cause(inner) if isinstance(inner, BaseException) else error
