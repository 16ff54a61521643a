# make demo    install into .venv and fit, judge and compare six models: a table and runs/demo/report.html
# make test    install into .venv and run the tests
# Both need git, make and Python 3.11, 3.12 or 3.13. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet

# The first of these that is Python 3.11 to 3.13; override with `make PYTHON=/path/to/python`.
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python,$(shell command -v $(p) >/dev/null 2>&1 && $(p) -c '$(SUITABLE)' >/dev/null 2>&1 && echo $(p))))

# Everything is installed in editable mode: the code in use is the code in the checkout. A stamp is made anew only
# when what is to be installed changes, so that a second `make` starts at once.
WANTED := setup.py pyproject.toml

# One torch thread per worker: more threads than cores make small networks slower, and results depend on their number.
WORKERS ?= auto
ARGS ?=

.PHONY: help demo test coverage mutation lint format types layout docs errors wheel release clean

help:  ## show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

demo: $(VENV)/.ppgen  ## six models on handwritten digits, compared in one page; ARGS=--quick for the short one
	$(BIN)/ppgen demo $(ARGS)

test: $(VENV)/.ppgen-dev  ## the tests but the slow ones; ARGS="-k name" picks some, ARGS="-m slow" the slow ones
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)

coverage: $(VENV)/.ppgen-dev  ## the same tests, then which lines and branches they leave out, and the share by room
	mkdir -p build
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" --cov --cov-report=term-missing:skip-covered $(ARGS)
	@for part in 'ppgen/objectives/*' 'ppgen/inference/*' '*'; do \
	    echo "$$part: $$($(BIN)/coverage report --format=total --precision=1 --include="$$part") %"; done

mutation: $(VENV)/.ppgen-mutation  ## the share of small faults that the tests find, in half an hour; ARGS="--sample 100 --seed 7"
	$(BIN)/python benchmarks/mutation_score.py $(ARGS)

lint: $(VENV)/.ppgen-dev  ## ruff: habits and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.ppgen-dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.ppgen-dev  ## mypy and basedpyright over ppgen/, models/ and guides/
	$(BIN)/mypy
	$(BIN)/basedpyright --level error --pythonpath $(BIN)/python

layout: $(VENV)/.ppgen-dev  ## the folders, the floors and the start-up time
	$(BIN)/python -m pytest -q tests/test_layout.py tests/test_floors.py tests/test_import_time.py

docs: $(VENV)/.ppgen-dev  ## the API reference, into docs/api; warnings are errors
	rm -rf docs/api
	$(BIN)/python docs/build_api.py docs/api

errors: $(VENV)/.ppgen-dev  ## a code for each new error, and the list in docs/errors.md
	$(BIN)/python docs/build_errors.py --number

wheel: $(VENV)/.ppgen-dev  ## a wheel, into dist/
	rm -rf build dist && mkdir -p build
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . >build/log 2>&1 || { cat build/log; exit 1; }
	@ls dist

release: $(VENV)/.ppgen-dev  ## check, test, build, try and tag: VERSION=0.2.0, and ARGS=--dry-run to see what is missing
	.ci/release $(VERSION) $(ARGS)

clean:  ## remove what was installed and built; runs/ stays
	rm -rf $(VENV) build dist docs/api *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find ppgen models guides tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "ppgen needs Python 3.11, 3.12 or 3.13 (make PYTHON=/path/to/python)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.ppgen: $(WANTED) | $(BIN)/python
	@echo "Installing ppgen and what it needs into $(VENV): 2 to 5 minutes and 6 GB the first time."
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.ppgen-dev: $(WANTED) | $(BIN)/python
	@echo "Installing ppgen and its tools into $(VENV): 2 to 5 minutes and 6 GB the first time."
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.ppgen

$(VENV)/.ppgen-mutation: $(WANTED) | $(BIN)/python
	@$(PIP) install --editable '.[mutation]'
	@touch $@ $(VENV)/.ppgen
