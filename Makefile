# Another Python beside: make test PYTHON=python3.12 VENV=.venv-3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# What is installed so far: what running needs, and the tools for tests and checks besides.
RUN := $(VENV)/.installed-run
ALL := $(VENV)/.installed-all

.DEFAULT_GOAL := help
.PHONY: help install up test test-all guards bench bench-report soak fuzz check audit format swagger-ui clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(ALL) ## Make .venv with everything in it; starts nothing

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Event Hub needs Python 3.11 or newer, and $(PYTHON) is %s: name another, as in make install PYTHON=python3.12" % sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Debian and Ubuntu have venv in a package of its own: python3-venv." >&2; exit 1; }

$(RUN): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[embedded]'
	@touch $@

$(ALL): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[embedded,dev]'
	@touch $(RUN) $@

up: $(RUN) ## Start all of Event Hub with demo data and print its URL
	@exec $(BIN)/eventhub up

test: install ## Run every test but the long ones
	$(BIN)/pytest -n 2 --dist loadgroup -m "not long and not guards"

# One at a time: the long ones kill, freeze and time real processes.
test-all: test ## Run every test: those of `make test`, then the long ones
	$(BIN)/pytest -m long

guards: install ## Take the guards out one by one and expect the races to fail; minutes, on a quiet machine
	$(BIN)/pytest -m guards

bench: $(ALL) ## What hot paths cost on this machine, against the least that they could; ARGS="--size large"
	$(BIN)/python -m bench.run $(ARGS)

# About 25 minutes on a machine that does nothing else.
bench-report: $(ALL) ## Measure both sizes and write the tables and the chart of docs/performance.md
	mkdir -p var
	$(BIN)/python -m bench.run --size small --runs 5 --seconds 2 $(ARGS) --json var/bench-small.json
	$(BIN)/python -m bench.run --size large --runs 5 --seconds 2 $(ARGS) --pipeline flash --json var/bench-large.json
	$(BIN)/python -m bench.report var/bench-small.json var/bench-large.json

soak: $(ALL) ## Mixed traffic for five minutes, with restarts and a killed worker; SOAK_SECONDS=3600 for longer
	$(BIN)/python -m bench.soak

fuzz: install ## Draw requests, and lives of events and their money, at random; most of an hour
	seed=$${EVENTHUB_FUZZ_SEED:-$$(date +%s)}; \
	EVENTHUB_FUZZ_SEED=$$seed EVENTHUB_FUZZ_SECONDS=600 EVENTHUB_PROPERTY_LIVES=100 \
	  $(BIN)/pytest -s tests/fuzz tests/property --hypothesis-seed=$$seed

check: install ## Check formatting, lint, types, layers and known vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.advisories

audit: install ## Ask the advisory service about every version in constraints.txt; needs the network
	$(BIN)/python -m tests.advisories --strict

format: install ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Newest, or: make swagger-ui SWAGGER_UI_VERSION=5.35.0. They are carried because each Python package of them brings a
# web framework. `make audit` knows nothing of them: look at what its releases mend.
SWAGGER_UI := eventhub/web/docs_page/swagger_ui
SWAGGER_UI_VERSION ?= latest
swagger-ui: ## Renew Swagger UI's files from npm
	@folder=$$(mktemp -d) && trap 'rm -r '$$folder EXIT && \
	npm pack --silent --pack-destination $$folder swagger-ui-dist@$(SWAGGER_UI_VERSION) >/dev/null && \
	tar xzf $$folder/*.tgz -C $$folder && cd $$folder/package && \
	sed -nE 's/^ *"version": "(.*)",/\1/p' package.json > VERSION && \
	cp VERSION LICENSE NOTICE swagger-ui.css swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt favicon-32x32.png \
	  $(CURDIR)/$(SWAGGER_UI)/

clean: ## Remove each .venv and caches; data (var/) stays
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
