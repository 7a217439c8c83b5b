"""What others reach with the same work on the same machine.

Each rival has an environment of its own with pinned versions, is tuned as its own documentation
advises, and prints one line of JSON: ``python -m benchmarks.rivals NAME``.
"""
