"""Freshness objectives: what queries promise, and what of that is kept."""
