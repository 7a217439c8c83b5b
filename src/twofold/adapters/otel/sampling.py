"""Drawing which traces are sampled without the SDK's help, where its sampler does only that."""

from __future__ import annotations

import re

from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Tracer as AnyTracer

# What samplers say of themselves is part of OpenTelemetry's specification.
_ROOT_SHARE = re.compile(
    r"ParentBased\{root:TraceIdRatioBased\{([\d.e-]+)\},remoteParentSampled:AlwaysOnSampler,"
    r"remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,"
    r"localParentNotSampled:AlwaysOffSampler\}"
)


def taken_share(tracer: AnyTracer) -> float | None:
    """The share of new traces that ``tracer`` would sample, which from now on its user draws.

    None where its sampler decides in another way, or it is not the SDK's; then nothing changes.
    """
    if not isinstance(tracer, Tracer):
        return None
    told = _ROOT_SHARE.fullmatch(tracer.sampler.get_description())
    if told is None:
        return None
    # For this tracer alone: what is let through has been drawn already.
    tracer.sampler = ParentBased(ALWAYS_ON)
    return float(told.group(1))
