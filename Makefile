# Verbs only; the work is done in hack/, operator/ and tests/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCAN := $(VENV)/scan
WITH_CLUSTER := . .cluster/env &&

.PHONY: help setup cluster cluster-down cluster-status images deploy demo test test-unit test-cluster lint scan format generate lock bench gallery clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-15s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## Install everything that developing needs into .venv

$(VENV)/.ready: requirements/dev.lock pyproject.toml
	@echo "== setup: Python packages into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes -r requirements/dev.lock
	@$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(SCAN)/.ready: $(VENV)/.ready requirements/scan.lock
	@echo "== setup: scanners into $(SCAN)"
	@$(PYTHON) -m venv $(SCAN)
	@$(SCAN)/bin/pip install --quiet --require-hashes -r requirements/scan.lock
	@touch $@

cluster: ## Bring a real Kubernetes up, here (idempotent; .cluster/env tells how to use it)
	@$(PYTHON) hack/cluster up

cluster-down: ## Take the cluster down
	@$(PYTHON) hack/cluster down

cluster-status: ## Say what of the cluster runs
	@$(PYTHON) hack/cluster status

images: cluster ## Build the images and load them into the cluster
	@$(PYTHON) hack/images all

deploy: setup images ## Install or upgrade the chart on the cluster
	@$(WITH_CLUSTER) $(BIN)/python hack/deploy.py

demo: deploy ## Run analyses of real data on the cluster and fetch what they produced
	@$(WITH_CLUSTER) $(BIN)/python hack/demo

test: lint deploy scan test-unit test-cluster ## Run all tests (brings the cluster up by itself)

test-unit: setup ## Run the tests that need no cluster
	@$(BIN)/pytest -m "not cluster" -n auto tests

test-cluster: deploy ## Run the tests on the real cluster
	@$(PYTHON) hack/cluster up --with gvisor
	@$(WITH_CLUSTER) $(BIN)/pytest -m "cluster and not alone" -n 4 tests
	@$(WITH_CLUSTER) $(BIN)/pytest -m alone tests

lint: setup ## Check style, types, import contracts and generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@cd hack/cluster && ../../$(BIN)/mypy .
	@cd hack/images && ../../$(BIN)/mypy .
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive operator hack
	@$(BIN)/python hack/generate.py --check

scan: $(SCAN)/.ready cluster ## Ask checkov, kube-score and Pod Security what they think of chart and Pods
	@$(WITH_CLUSTER) PYTHONPATH=hack $(BIN)/python -m scan

format: setup ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

generate: setup ## Write every generated file (CRDs, reference)
	@$(BIN)/python hack/generate.py

lock: setup ## Resolve the requirements anew
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" requirements/scan.in -o requirements/scan.lock
	@for name in operator dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" $$( [ $$name = dev ] && echo --extra dev ) pyproject.toml -o requirements/$$name.lock; done

bench: deploy ## Measure against raw Pods of the same shape
	@$(WITH_CLUSTER) PYTHONPATH=hack $(BIN)/python -m bench

gallery: deploy ## Run analyses that others wrote, and say what becomes of each (ONLY=40: a sample; GO_ON=1: the rest)
	@$(WITH_CLUSTER) PYTHONPATH=hack $(BIN)/python -m gallery $(if $(ONLY),--only $(ONLY)) $(if $(GO_ON),--go-on)

clean: ## Remove what was made here, but not the cluster
	@rm -rf $(VENV) dist build demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
