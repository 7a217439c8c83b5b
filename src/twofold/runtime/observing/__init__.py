"""What the system's work takes, and the traces it leaves: measured once, at the ports."""
