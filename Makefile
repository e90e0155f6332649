# The contributors' commands. They need make and Python 3.13 or newer; the targets install the rest.

VENV   := .venv
PYTHON := $(VENV)/bin/python
PIP    := $(PYTHON) -m pip --disable-pip-version-check --quiet
ARGS   ?=
# Workers of pytest, one more than the cores of a small machine, because tests also wait; empty: one process, for a debugger.
PARALLEL ?= --numprocesses 3 --dist loadgroup

# The options of `make lock`: pins for every platform, hashes for every file, and no index address in the output.
COMPILE := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
           --no-annotate --no-emit-index-url --no-emit-find-links

# A name on the PATH may be a version manager's shim that does not run, so each candidate is tried.
FIND_PYTHON = for candidate in python3.13 python3.14 python3 \
	    "$$(pyenv root 2>/dev/null)"/versions/3.13*/bin/python "$$HOME"/.pyenv/versions/3.13*/bin/python; do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then \
	    echo "$$candidate"; exit 0; fi; done; \
	echo "Tidewire needs Python 3.13 or newer (with its venv module), and none was found on this machine." >&2; exit 1

JS_SOURCES = $$(find frontend/js tests/js -name '*.js' 2>/dev/null)
JS_TESTS   = $$(find tests/js -name '*.test.js' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test check check-python check-js check-docker fmt bench lock screenshots clean browser fronts

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runtime  ## start a hub on http://127.0.0.1:8000 (SQLite under data/)
	@$(VENV)/bin/tidewire serve $(ARGS)

test: check browser fronts  ## check, then run every test (ARGS="tests/unit -k name" narrows it)
	@if command -v node >/dev/null; then \
	  if [ -n "$(JS_TESTS)" ]; then node --test --test-reporter=dot $(JS_TESTS); fi; \
	else echo "node is not on the PATH: the JavaScript tests were not run."; fi
	@$(PYTHON) -m pytest $(PARALLEL) $(ARGS)

check: check-python check-js check-docker  ## format, lint, types and syntax, changing nothing

check-python: $(VENV)/.development
	@$(PYTHON) -m ruff format --check --quiet . || { echo "Not formatted: run 'make fmt'."; exit 1; }
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy --strict app benchmarks tests

check-js:
	@if command -v node >/dev/null; then for file in $(JS_SOURCES); do \
	  node --input-type=module --check - <"$$file" || { echo "in $$file"; exit 1; }; done; \
	else echo "node is not on the PATH: the JavaScript syntax was not checked."; fi

check-docker: $(VENV)/.development
	@if [ -x $(VENV)/bin/hadolint ]; then $(VENV)/bin/hadolint Dockerfile; \
	else echo "hadolint is not installed: the Dockerfile was not linted."; fi

fmt: $(VENV)/.development  ## format the code and apply the safe fixes
	@$(PYTHON) -m ruff check --fix --quiet . ; $(PYTHON) -m ruff format .

bench: $(VENV)/.development  ## measure publishing, fan-out, memory and resuming
	@$(PYTHON) -m benchmarks $(ARGS)

screenshots: browser  ## take the README's screenshots again, from a running hub
	@$(PYTHON) -m benchmarks.screenshots $(ARGS)

lock: $(VENV)/.development  ## compile both requirements files from pyproject.toml, newest releases
	@$(COMPILE) --upgrade --output-file requirements.txt pyproject.toml
	@$(COMPILE) --upgrade --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

clean:  ## remove what the targets created (never data/)
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

browser: $(VENV)/.development
	@$(PYTHON) -m tests.support.browser

fronts: $(VENV)/.development
	@$(PYTHON) -m tests.support.fronts

$(PYTHON):
	@python="$$($(FIND_PYTHON))" && "$$python" -m venv $(VENV)

# Stamp files: an installation runs again only if its pins changed.
$(VENV)/.runtime: requirements.txt pyproject.toml | $(PYTHON)
	@echo "Installing into $(VENV), which takes up to a minute ..."
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.development: requirements-dev.txt pyproject.toml | $(PYTHON)
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@$(PIP) install --no-deps -e .
	@touch $@ $(VENV)/.runtime
