"""Parcels that a carrier delivers: its events lead to commands. What is in ``broken`` raises."""

from __future__ import annotations

from typing import NewType

import twofold as tf

ParcelId = NewType("ParcelId", str)
CHANNEL = "carrier.events"
DELIVERED = "com.carrier.parcel.delivered"
broken: set[str] = set()


class NoteStop(tf.Command):
    parcel_id: tf.Key[ParcelId]
    stop: str


class StopNoted(tf.Event):
    stop: str


class Parcel(tf.Value):
    stops: tuple[str, ...] = ()


parcel = tf.EventSourced(Parcel, ParcelId)


@parcel.decides
def note_stop(state: Parcel | None, command: NoteStop) -> StopNoted:
    if command.stop == "refused":
        raise tf.Refused("no such stop")
    if command.stop in broken:
        raise RuntimeError(f"{command.stop} is broken")
    return StopNoted(stop=command.stop)


@parcel.evolves
def noted(state: Parcel | None, event: StopNoted) -> Parcel:
    return Parcel(stops=(*(state.stops if state else ()), event.stop))


class Delivered(tf.Value):
    parcel: str
    stops: tuple[str, ...]


carrier = tf.Inbox(CHANNEL, partitions=2)


@carrier.on(DELIVERED)
def delivered(event: Delivered, meta: tf.Foreign) -> tuple[NoteStop, ...] | None:
    if meta.subject == "nothing":
        return None
    return tuple(NoteStop(parcel_id=ParcelId(event.parcel), stop=stop) for stop in event.stops)


app = tf.Application(
    "parcels",
    tf.Module("parcels", parcel, carrier, tf.internal(NoteStop, may=tf.role("system"))),
)
