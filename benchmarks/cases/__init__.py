"""One module per benchmark: ``NAME``, ``GOAL``, ``UNIT`` and ``run()``; found by the registry."""
