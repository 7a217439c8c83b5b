# `make demo` sets up and runs the shop; `make test` sets up and passes the tests.

# The first Python of version 3.11 or later that really runs.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

# Tests start this code in hundreds of processes: what it compiles to is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test gate bench services clean

demo: $(VENV)/.installed
	TWOFOLD_DEMO=1 $(BIN)/twofold run shop --port $(PORT)

test: $(VENV)/.tested gate

# Files go in the order of their names, so that the quick ones of tests/unit are left for the end,
# where one process may have to wait for the other.
gate:
	$(BIN)/ruff format --check src apps tests benchmarks
	$(BIN)/ruff check src apps tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 25

bench: $(VENV)/.tested
	$(BIN)/python -m benchmarks

services: $(VENV)/.tested
	$(BIN)/twofold services up

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fast]'
	touch $@

$(VENV)/.tested: $(VENV)/.installed requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[all]' --requirement requirements/dev.txt
	touch $@
