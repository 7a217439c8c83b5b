"""Verification that goes on all the time, within a budget."""
