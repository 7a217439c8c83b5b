"""The console: pages for operators, served by every application at /console."""
