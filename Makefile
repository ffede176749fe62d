# Run `make help` for the targets. Nothing is needed beforehand but Python 3.11 or newer with pip, and make.
SHELL := /bin/sh
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && exit; done; echo python3)
BIN := .venv/bin
ARGS ?=
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help demo test chaos bites year check format bench docs browser lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: .venv/.ready-core ## Show the product at work: make demo [ARGS="--once --json"]
	@$(BIN)/care demo $(ARGS)

test: .venv/.ready-dev ## Run the tests on SQLite and PostgreSQL: make test [ARGS="tests/base -k clock"]
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

chaos: WORKERS = 2
chaos: .venv/.ready-dev ## Kill, cut, fill and freeze on purpose: make chaos [ARGS="-k power"] [CHAOS_SEED=N]
	@CHAOS=long CHAOS_SEED=$${CHAOS_SEED:-random} $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -o timeout=3600 tests/chaos $(ARGS)

bites: WORKERS = 2
bites: .venv/.ready-dev ## Take each guarantee away in a copy and see its test fail: make bites [ARGS="journal"]
	@WORKERS=$(WORKERS) $(BIN)/python -m tests.bites $(ARGS)

year: .venv/.ready-dev ## Play a year of 20,000 tickets: make year [CARE_TEST_SEED=N]
	@CARE_YEAR=year CARE_TEST_SEED=$${CARE_TEST_SEED:-random} $(BIN)/python -m pytest -n 0 -s tests/surveys/year $(ARGS)

check: .venv/.ready-dev ## Lint, format, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy scripts
	@$(BIN)/lint-imports --no-logo

format: .venv/.ready-dev ## Put the code into its format and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/.ready-bench ## Measure the figures of docs/benchmarks.md: make bench [ARGS=…]
	@$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/.ready-dev ## Write the pages that are generated from the code
	@$(BIN)/python scripts/make_docs.py

browser: ## Install the browser that looks at the console, on Debian as root; without it those tests are skipped
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| { apt-get -qq update && apt-get -qq install --no-install-recommends chromium; } >/dev/null 2>&1 \
		|| echo "no browser: install chromium to run the tests that look at the console"

lock: ## Resolve the dependencies anew into requirements/ (needs uv on the PATH)
	@$(PYTHON) scripts/lock_requirements.py $(ARGS)

clean: ## Remove what the other targets made
	@rm -rf .venv .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info build dist

.venv/.ready-core: requirements/build.txt requirements/core.txt pyproject.toml scripts/install.py
	@$(PYTHON) scripts/install.py core

.venv/.ready-dev: requirements/build.txt requirements/core.txt requirements/postgres.txt requirements/fast.txt requirements/alerts.txt requirements/analysis.txt requirements/dev.txt pyproject.toml scripts/install.py
	@$(PYTHON) scripts/install.py dev

.venv/.ready-bench: .venv/.ready-dev requirements/bench.txt
	@$(PYTHON) scripts/install.py bench
