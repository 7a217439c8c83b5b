"""Alerts that need no monitoring system: what is wrong, who is told, and that it is over."""
