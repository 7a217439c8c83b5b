"""Writes down the events of today's program, for tomorrow's program to read."""

from proposals import Level, Proposals

old = Proposals({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": "old_events.db"})
old.submit("Old times", "it", Level("beginner"), "ann")
old.accept(old.submit("Older times", "it", Level("beginner"), "ann"))
old.close()
