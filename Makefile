# `make run` and `make test` need Python 3.11 or later and make; everything else they fetch.
PYTHON ?= python3
PORT ?= 8501
CONTACTS ?= 1000000
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test lint unit browser soak bench pictures lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup: .venv/runs ## the environment alone

run: .venv/runs ## build the demo company if no warehouse is configured, and serve on http://localhost:$(PORT)
	@if [ -z "$$LIFECYCLE_WAREHOUSE" ] && [ ! -e lifecycle.toml ] && [ ! -e warehouse/CURRENT ]; then \
		echo "No warehouse yet: building the demo company (about a minute, once)."; $(BIN)/lifecycle demo; fi
	@echo "Serving on http://localhost:$(PORT) (stop with Ctrl+C)"
	@exec $(BIN)/streamlit run app.py --server.port $(PORT)

test: .venv/tests lint unit browser ## lint, types, unit, engine and browser tests

lint: .venv/tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: .venv/tests
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser and not long" tests

browser: .venv/tests .venv/browser
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "browser and not long" tests

soak: .venv/tests .venv/browser ## the long tests: tens of thousands of states, kills and damages
	$(BIN)/python -m pytest -m long tests

bench: .venv/tests .venv/browser ## the README's timings, at CONTACTS=1000000 or more
	$(BIN)/python -m tests.benchmarks --contacts $(CONTACTS)

pictures: .venv/tests .venv/browser ## the README's pictures, of the app that `make run` serves
	$(BIN)/python -m tests.browser.pictures http://localhost:$(PORT)

lock: .venv/tests ## resolve the lock files anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --upgrade \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --upgrade \
		pyproject.toml --group test -o requirements-test.lock

clean: ## remove what was made here, the warehouse excepted
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.12 …"; exit 1; }
	@echo "Making the environment in .venv (a minute or two, once)."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "The venv module is missing: install python3-venv."; exit 1; }

.venv/runs: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing locked packages."
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/tests: requirements-test.lock .venv/runs
	@echo "Installing locked packages of the tests."
	@$(BIN)/pip install --quiet --require-hashes -r requirements-test.lock
	@touch $@

# A browser from the system, else from its package manager, else Playwright's own.
.venv/browser: .venv/tests
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		{ command -v apt-get >/dev/null && apt-get -qq update && apt-get -qq install -y chromium >/dev/null; } || \
		$(BIN)/playwright install chromium
	@touch $@
