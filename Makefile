# Everything a person or CI runs. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format quality bench soak fuzz lock docs schemas dashboards dashboards-shot build clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## Make .venv with everything pinned (PYTHON=python3.12 picks another Python)

# A stamp and not the folder: an install that was interrupted must not count as done.
$(STAMP): requirements/dev.txt pyproject.toml hatch_build.py native/Cargo.toml native/Cargo.lock $(wildcard native/src/*.rs)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Newsmill needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: venv ## Broker, worker, sample releases in, enriched events out, on the screen
	$(BIN)/newsmill demo

test: lint ## Everything: lint, types, import contracts, tests (real Kafka where Java 17 and Maven are)
	$(BIN)/pytest -n 2 --dist loadfile

lint: venv ## Lint, format, types and import contracts, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd native && cargo fmt --check && cargo clippy --release --locked --quiet -- --deny warnings

format: venv ## Mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd native && cargo fmt

quality: venv ## Measure the stages on the shared corpus and hold them to the pinned floors
	$(BIN)/python -m tests.quality.gate

bench: venv ## Run the benchmarks, one after the other (minutes, on an idle machine)
	for file in benchmarks/[a-z]*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

soak: venv ## The fault tests on real Kafka, ten times over
	for round in 1 2 3 4 5 6 7 8 9 10; do NEWSMILL_TEST_GATE_SECONDS=60 $(BIN)/pytest -q tests/integration || exit 1; done

fuzz: venv ## 10,000 broken inputs through parsing and all stages (minutes; COUNT=, SEED=)
	$(BIN)/python -m tests.support.mutants $(or $(COUNT),10000) $(or $(SEED),1)

lock: venv ## Pin all dependencies anew, with hashes (asks the package index)
	$(BIN)/uv pip compile $(LOCK) --extra embedded --extra tracing -o requirements/runtime.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra embedded --extra tracing --group dev -o requirements/dev.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --group build -o requirements/build.txt

# Universal: one file for 3.11 to 3.13 and every system. No index in it: pip takes the one the machine is set up with.
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

docs: venv ## Write the pages that follow from the code (commands, metrics)
	$(BIN)/python -m tools.write_docs

schemas: venv ## Write config/schemas from the records (KEEP=--release: also as this version's, to stay compatible with)
	$(BIN)/python -m tools.write_schemas $(KEEP)

dashboards: venv ## Write Grafana's dashboards from tools/write_dashboards.py and docs/runbook.md
	$(BIN)/python -m tools.write_dashboards

dashboards-shot: venv ## Draw the dashboards in Chromium with Grafana's components, from a real worker on Kafka, into docs/
	$(BIN)/python -m tests.dashboards.shot

build: venv ## The wheel, in dist/
	$(BIN)/python -m hatchling build --target wheel

clean: ## Remove the environment, caches and built files
	rm -rf $(VENV) dist build native/target streams/native.abi3.so .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
