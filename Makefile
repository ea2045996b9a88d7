# `make test` and `make demo` need Python 3.10 or newer, git and make; they set up the rest in .venv.
# With CI=true the comparisons with PyTorch and the documentation tools are installed as well, and
# a test that is skipped because its tool is missing fails.

PYTHON ?= python3
UV ?= uv
RUN := .venv/bin/python

LOCKS := requirements/base.txt requirements/test.txt
STAMP := .venv/set-up
ifeq ($(CI),true)
LOCKS += requirements/parity.txt requirements/docs.txt
STAMP := .venv/set-up-for-ci
else
# Outside CI the coverage is shown and judged by nobody.
COVERAGE := --cov-fail-under=0
endif

COMPILE := $(UV) pip compile pyproject.toml requirements/build.in --universal --python-version 3.10 \
	--generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet

.DEFAULT_GOAL := help
.PHONY: help setup test quick lint demo lock clean

help: ## List what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1    /p' Makefile

setup: $(STAMP) ## Make .venv with everything the other commands need

$(STAMP): pyproject.toml requirements/set-up.sh $(LOCKS)
	PYTHON="$(PYTHON)" UV="$(UV)" sh requirements/set-up.sh $(LOCKS)
	touch $@

test: $(STAMP) ## Run all tests and measure their coverage
	$(RUN) -m pytest -n auto -rs --cov --cov-report=term $(COVERAGE)

quick: $(STAMP) ## Run the tests that together take less than a minute
	$(RUN) -m pytest -n auto -rs -m "not slow"

lint: $(STAMP) ## Check style, types, YAML and workflows
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m tests.workflows.linters

demo: $(STAMP) ## Show three pull requests, from push to comment
	$(RUN) -m bot.demo

# Where uv is not on PATH: make lock UV=folder/uv. Settings of an index belong into the environment.
lock: ## Write the lock files anew
	$(COMPILE) --output-file requirements/base.txt
	$(COMPILE) --extra dev --extra instructor -c requirements/base.txt --output-file requirements/test.txt
	$(COMPILE) requirements/bot.in -c requirements/test.txt --output-file requirements/bot.txt
	$(COMPILE) --extra parity --extra plots --excludes requirements/not-locked.in -c requirements/test.txt \
		--output-file requirements/parity.txt
	$(COMPILE) --extra docs -c requirements/test.txt --output-file requirements/docs.txt

clean: ## Remove .venv and what tools left behind
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
