# Everything a person or CI runs. `make` alone lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SIDE_BY_SIDE := -n auto

export DAGSTER_HOME ?= $(CURDIR)/data/dagster_home
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE # else each of hundreds of processes compiles what it imports

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-cluster dev test test-world test-browser test-cluster chromium servers coverage check dashboard fuzz chaos chaos-live chaos-cluster ci-checks bench lock docs docs-site dbt-docs package clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(INSTALLED) ## Install the pinned dependencies into .venv

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup ## Collect, transform, publish, backtest and show: 3 months of all sandbox venues
	funding demo

demo-cluster: setup servers ## The same on two workers over PostgreSQL, Redis and S3 of this machine, and rows compared
	funding demo-cluster --compare

dev: setup ## The Dagster UI over the lake, sensors running (SANDBOX=1: sandbox venues)
	funding dev $(if $(SANDBOX),--sandbox)

test: setup ## Run the tests, three processes on two cores
	pytest $(SIDE_BY_SIDE)

test-world: setup ## Run what takes the platform as a whole: the demo, every job, examples, notebooks
	pytest $(SIDE_BY_SIDE) -m "world and not cluster"

test-cluster: setup servers ## Run lake and workers on PostgreSQL, Redis and S3, started for it (RACES=n: partitions that four writers race for)
	CLUSTER_RACES=$(or $(RACES),25) pytest $(SIDE_BY_SIDE) -m "cluster and not chaos"

test-browser: setup ## Drive the Dagster UI and the dashboard in a browser (SCREENSHOTS=1: into docs/screenshots)
	SCREENSHOTS=$(if $(SCREENSHOTS),docs/screenshots) pytest -m browser -rs

chromium: ## Install what `make test-browser` drives, where apt can and nobody has yet
	command -v chromium >/dev/null || { apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; }

servers: ## Install what tests and `make demo-cluster` start or ask, where apt can and it is not there yet
	{ ls /usr/lib/postgresql/*/bin/initdb && command -v redis-server && command -v nginx && command -v promtool; } >/dev/null 2>&1 || { apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends postgresql redis-server nginx prometheus; }

dashboard: ## Rebuild what the service shows at / from dashboard/ (needs node 20.19, 22.12 or newer)
	cd dashboard && npm ci --no-audit --no-fund && npm run build

coverage: setup ## Run both and print which lines and branches of the package no test reaches
	pytest $(SIDE_BY_SIDE) -m "not fuzz and not chaos and not packaging and not browser and not cluster" --cov --cov-report=term

check: setup ## Format, lint, types, imports, documents, licences, site, definitions, asset checks, wheel, tests
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python -m funding_platform.devtools.documents --check
	python -m funding_platform.devtools.licences --check
	python -m funding_platform.devtools.vulnerabilities
	dagster definitions validate
	$(MAKE) docs-site ci-checks package test test-world

fuzz: setup ## Feed each parser of each venue 100,000 spoilt answers (EXAMPLES=n: so many)
	POLARS_MAX_THREADS=1 FUZZ_EXAMPLES=$(or $(EXAMPLES),100000) pytest -m fuzz -rP --timeout=0

chaos: setup ## Kill every command and run at random instants (ROUNDS=n: so often each; MINUTES=n: the soak; DOCUMENT=1: into docs/chaos.md)
	CHAOS_ROUNDS=$(or $(ROUNDS),30) CHAOS_MINUTES=$(MINUTES) CHAOS_DOCUMENT=$(if $(DOCUMENT),docs/chaos.md) pytest -m "chaos and not cluster" $(ONLY)

chaos-live: setup ## Every fault on every stream for SECONDS=600, and CUTS=120 of each venue (DOCUMENT=1: into docs/chaos.md)
	CHAOS_SECONDS=$(or $(SECONDS),600) CHAOS_CUTS=$(or $(CUTS),120) CHAOS_DOCUMENT=$(if $(DOCUMENT),docs/chaos.md) pytest -m chaos --timeout=0 funding_platform_tests/live

chaos-cluster: setup servers ## Kill PostgreSQL, Redis, S3 and workers during backfills, and cut one off (ROUNDS=n: so often each; DOCUMENT=1: into docs/workers.md)
	CHAOS_ROUNDS=$(or $(ROUNDS),10) CHAOS_DOCUMENT=$(if $(DOCUMENT),docs/workers.md) pytest -m "chaos and cluster" --timeout=0 $(ONLY)

ci-checks: setup ## Materialise a small world; fail if any asset check fails
	python -m funding_platform.local.ci_checks

bench: setup ## Measure throughput and latency against peers (ROW=curves: that section; DOCUMENT=1: the page)
	python -m funding_platform_tests.benchmarks $(foreach row,$(ROW),--only $(row)) $(if $(DOCUMENT),--markdown docs/benchmarks.md)

docs: setup ## Regenerate what derives from the table declarations and the definitions
	python -m funding_platform.devtools.documents
	python -m funding_platform.devtools.licences
	python -m funding_platform.devtools.asset_graph
	python -m funding_platform.devtools.definitions

docs-site: setup ## Build the documents as a site, data/docs_site/index.html; fail on a link that leads nowhere
	zensical build --clean --strict

dbt-docs: setup ## Describe marts, lineage and tests in one page: data/dbt_docs/index.html
	python -m funding_platform.devtools.dbt_docs

lock: ## Resolve the dependencies anew into requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip-tools>=7.5" "dependency-groups>=1.3"
	$(BIN)/python -m dependency_groups dev bench docs | $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-strip-extras --all-extras --output-file requirements.lock pyproject.toml -

package: setup ## Build wheel, sdist, lock and bill of materials into dist/, and run the demo from the wheel in an empty folder
	python -m build --no-isolation --outdir dist
	python -m funding_platform.devtools.release dist
	pytest -m packaging

clean: ## Forget the demo: drop the lake, the published file, reports and Dagster's history
	rm -rf data/lake data/state data/backtests data/dbt data/funding.duckdb $(filter-out data/dagster_home/dagster.yaml,$(wildcard data/dagster_home/*))
