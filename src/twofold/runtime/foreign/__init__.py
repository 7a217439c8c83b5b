"""Events of other systems: read from their channels, and carried out as commands, each once."""
