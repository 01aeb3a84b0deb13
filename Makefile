# What people and CI do here. Needs Python 3.11 or newer with pip, and make; only
# `controlplane`, `cluster`, `helm` and `chart` need Go as well. Everything is installed
# into .venv.

PYTHON ?= python3
CONFIG ?= bridge.yaml
ARGS ?=

BIN := .venv/bin
# pip installs into .venv from outside, so that a Python without ensurepip will do.
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check --quiet
LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header $(ARGS)
PYTEST := $(BIN)/coverage run -m pytest
# Two processes, for most of the time a test waits; a file's tests stay together. In the
# order of the files: else those with one long test come last, one after the other.
TOGETHER := -n 2 --dist loadfile --no-loadscope-reorder

# Without these parts an event could be lost, so each of their branches is tested.
CRITICAL := bridge/cluster/*,bridge/cluster/*/*,bridge/events/*,bridge/filters/*
CRITICAL := $(CRITICAL),bridge/filters/*/*,bridge/queue/*
CRITICAL := $(CRITICAL),bridge/queue/*/*,bridge/sinks/*/*,bridge/sinks/*/*/*
CRITICAL := $(CRITICAL),bridge/sinks/*,bridge/retry.py,bridge/ingest/*,bridge/deliver/*

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo run test check mutants soak fuzz bench controlplane receivers cluster helm chart lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

demo: .venv/runtime ## Show the whole path at work, on this machine alone
	@$(BIN)/kubebridge demo $(ARGS)

run: .venv/runtime ## Run the bridge with CONFIG (default: bridge.yaml)
	@$(BIN)/kubebridge run -c $(CONFIG) $(ARGS)

test: .venv/dev ## Run all tests and check the coverage
	$(BIN)/coverage erase
	PYTHONASYNCIODEBUG=1 $(PYTEST) $(TOGETHER) tests/unit
	PYTHONASYNCIODEBUG= $(PYTEST) $(TOGETHER) -m 'not soak and not fuzz' \
	  --ignore=tests/unit --ignore=tests/mutants tests
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='$(CRITICAL)'

# Without a cache, for the right order of imports depends on what else is there.
check: .venv/dev ## Check format, lint, types and who imports whom
	$(BIN)/ruff format --check --no-cache
	$(BIN)/ruff check --no-cache
	$(BIN)/mypy
	$(BIN)/lint-imports

mutants: .venv/dev ## See that the tests catch bridges that were broken on purpose
	$(BIN)/pytest -m mutant tests/mutants $(ARGS)

soak: .venv/dev ## Break everything again and again, for an hour or more
	$(BIN)/pytest -m soak tests $(ARGS)

fuzz: .venv/dev ## Throw made-up input at it for ten minutes (or FUZZ_SECONDS)
	$(BIN)/pytest -m fuzz tests/fuzz $(ARGS)

bench: .venv/dev ## Measure speed and memory on the real control plane
	$(BIN)/python -m bench $(ARGS)

controlplane: ## Build a real control plane with Go (minutes, once per machine)
	$(PYTHON) -m tests.controlplane.build

receivers: ## Build VictoriaLogs and Alertmanager with Go, for the tests of formats
	$(PYTHON) -m tests.receivers.build

cluster: .venv/runtime controlplane ## Run that control plane until Ctrl-C
	@$(BIN)/python -m tests.controlplane.cluster $(ARGS)

helm: .venv/dev ## Build helm with Go (minutes, once per machine)
	$(BIN)/python -m tests.deploy.tools

chart: helm ## Write what is generated of the chart, and its golden renders
	$(BIN)/python -m tests.deploy.chart

lock: .venv/dev ## Pin dependencies anew; ARGS=--upgrade takes the newest
	$(LOCK) --all-extras pyproject.toml -o requirements.txt
	$(LOCK) --all-extras --group dev pyproject.toml -o requirements-dev.txt
	$(LOCK) --group build --constraint requirements-dev.txt -o requirements-build.txt

clean: ## Remove what these targets made
	rm -rf .venv .*_cache .hypothesis .coverage .coverage.* dist
	find bench bridge tests -name __pycache__ -prune -exec rm -rf {} +

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON): expected Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv --without-pip .venv
	@touch $@

.venv/runtime: .venv/python requirements.txt requirements-build.txt pyproject.toml
	$(PIP) install --require-hashes -r requirements-build.txt -r requirements.txt
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.txt
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
