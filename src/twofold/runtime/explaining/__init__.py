"""Why rows look as they do, and what came of requests."""
