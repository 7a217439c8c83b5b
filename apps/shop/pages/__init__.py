"""The shop's pages, rendered on the server."""
