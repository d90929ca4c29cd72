# Everything goes through a virtual environment of its own, made on first use.
#   make play    a game against the bundled network, in the terminal
#   make test    the tests
#   make check   what CI and contributors run: ruff, mypy, the tests
#   make bench   the speeds, measured
# A machine without a GPU saves a large download with PyTorch's CPU index:
#   make play PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt $(PIP_FLAGS)

.PHONY: play gtp test test-slow lint types check bench clean

play: $(VENV)/.ready
	@$(BIN)/goengine play $(ARGS)

gtp: $(VENV)/.ready
	@$(BIN)/goengine gtp $(ARGS)

test: $(VENV)/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

test-slow: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -m "slow or not slow" $(ARGS)

lint: $(VENV)/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.ready-dev
	$(BIN)/mypy

check: lint types test

bench: $(VENV)/.ready-dev
	$(BIN)/python -m pytest tests/benchmarks -o addopts="--import-mode=importlib" --benchmark-columns=min,median,ops,rounds $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .benchmarks

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "goengine needs Python 3.11 or newer; say which with make PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) || { rm -f $@; exit 2; }  # half of one, without pip, would be taken for whole next time

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "setting up $(VENV) (once; PyTorch is a large download)" >&2
	@$(PIP) --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "setting up $(VENV) for development (once; PyTorch is a large download)" >&2
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.ready
