"""The training company's pages, rendered on the server."""
