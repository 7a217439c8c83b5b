# `make demo` sets up and runs the shop; `make test` sets up and passes the tests.

PYTHON ?= $(shell command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

.PHONY: demo test gate bench services clean

demo: $(VENV)/.installed
	TWOFOLD_DEMO=1 $(BIN)/twofold run shop --port $(PORT)

test: $(VENV)/.tested gate

gate:
	$(BIN)/ruff format --check src apps tests benchmarks
	$(BIN)/ruff check src apps tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

bench: $(VENV)/.tested
	$(BIN)/python -m benchmarks

services: $(VENV)/.tested
	$(BIN)/twofold services up

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fast]'
	touch $@

$(VENV)/.tested: $(VENV)/.installed requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[all]' --requirement requirements/dev.txt
	touch $@
