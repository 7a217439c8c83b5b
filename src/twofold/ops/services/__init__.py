"""Real servers for development and tests, started on this machine and nowhere else."""
