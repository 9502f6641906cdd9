# Everything runs through .venv/bin/python: paths stay relative, so that a folder name with spaces works.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.in-sync-with-lock
DAGSTER_PORT ?= 3000
DASHBOARD_PORT ?= 8501

# uv trusts the certificates the machine trusts, as pip does: a company may sign its own (the older name, the newer name).
export UV_NATIVE_TLS := true
export UV_SYSTEM_CERTS := true

# Nothing here reports home.
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := yes
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export RUNTIME__DLTHUB_TELEMETRY := false
export STREAMLIT_BROWSER_GATHER_USAGE_STATS := false
# Threads of BLAS on small systems wait for each other (orchestration/environment.py).
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

.PHONY: help setup lock demo dev run rebuild replay check-sources test test-slow test-bluesky bench clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do \
	  printf '  make %-14s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## Install the locked environment and prepare the dbt manifest (again only after a change)
	@$(PY) -m orchestration prepare

$(STAMP): requirements.txt $(wildcard requirements.local.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	@if command -v uv >/dev/null; then \
	  set -e; test -x $(PY) || uv venv --quiet --python $(PYTHON) $(VENV); \
	  uv pip sync --quiet --python $(PY) requirements.txt; \
	else \
	  set -e; test -x $(PY) || $(PYTHON) -m venv $(VENV); \
	  $(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet uv; \
	  cp -f "$$($(PY) -c 'import uv; print(uv.find_uv_bin())')" $(VENV)/uv; \
	  $(VENV)/uv pip sync --quiet --python $(PY) requirements.txt; \
	fi
	@# Drivers this installation needs beside the lock (gcsfs, adlfs, a database driver).
	@test ! -f requirements.local.txt || { uv=$$(command -v uv || echo $(VENV)/uv); \
	  "$$uv" pip install --quiet --python $(PY) -r requirements.local.txt; }
	@# Dagster's own commands (dg, dagster) find the project from any folder.
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "netzplan.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
	@touch $@

lock: ## Resolve pyproject.toml anew into requirements.txt (exact versions with hashes)
	@uv=$$(command -v uv || ls $(VENV)/uv $(VENV)/bin/uv 2>/dev/null | head -n 1); \
	test -n "$$uv" || { echo "make lock needs uv: run make setup first" >&2; exit 1; }; \
	"$$uv" pip compile --universal --generate-hashes --python-version 3.11 --extra dev --extra bench --no-header \
	  pyproject.toml -o requirements.txt

demo: setup ## Simulate the shop, run the whole pipeline over it, publish
	@$(PY) -m orchestration demo

dev: setup ## Dagster UI and dashboards on 127.0.0.1; Ctrl-C ends both
	@exec $(PY) -m orchestration dev --dagster-port $(DAGSTER_PORT) --dashboard-port $(DASHBOARD_PORT)

run: setup ## Run one day (DAY=2026-11-01), a range (FROM= TO=) or, without either, yesterday
	@$(PY) -m orchestration run $(if $(DAY),--day $(DAY)) $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))

rebuild: setup ## Build everything anew from the raw rows (a daily run builds only what changed)
	@$(PY) -m orchestration rebuild

replay: setup ## Load rows in quarantine once more after a fix, and rebuild (SOURCE=feed REASON=code to choose)
	@$(PY) -m orchestration replay $(if $(SOURCE),--source $(SOURCE)) $(if $(REASON),--reason $(REASON))

check-sources: setup ## Read a sample of every feed in sources.yaml (FEED=name: of one) and say what would not fit
	@$(PY) -m orchestration check-sources $(FEED)

test: setup ## Linters, type checks and all fast tests (one file of tests per core at a time)
	@status=0; \
	$(PY) -m ruff check . || status=1; \
	$(PY) -m mypy || status=1; \
	$(PY) -m orchestration lint-sql || status=1; \
	$(PY) -m pytest -m "not slow" -n auto --dist loadfile || status=1; \
	exit $$status

test-slow: setup ## The proofs that take minutes
	@$(PY) -m pytest -m slow

test-bluesky: setup ## The Bluesky presets against a real server (needs node, npm and a C++ compiler)
	@mkdir -p $(VENV)/bluesky && cp tests/orchestration/sources/bluesky/* $(VENV)/bluesky/
	@# Only its database driver is compiled; nobody else's scripts run.
	@cd $(VENV)/bluesky && test -f .installed || { npm ci --ignore-scripts --no-audit --no-fund --silent && \
	  npm_config_nodedir="$$(node -p 'require("path").resolve(process.execPath, "../..")')" \
	  npm_config_build_from_source=true npm rebuild --silent better-sqlite3 && touch .installed; }
	@$(PY) -m pytest -m slow tests/orchestration/sources/test_bluesky_server.py

bench: setup ## The performance figures
	@$(PY) -m benchmarks

clean: ## Remove caches and dbt's output; data/ and .venv/ stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs logs
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
