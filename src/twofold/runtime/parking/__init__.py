"""Sequences of events that wait beside a read model because one of them could not be applied."""
