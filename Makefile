# Everything that is done with this repository. A bare machine needs Python 3.11 or newer and make, nothing else:
# a target makes `.venv`, installs what it needs into it, and does so once.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
LOCK := requirements-dev.txt
GROUPS := heavy container browser chaos
LIGHT := not heavy and not container and not browser and not chaos

ARGS ?=
ONCE ?=
PYTHON ?=
export ONCE
# What tests start by name (ekiben, uv) is that of .venv.
test test-% acceptance: export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Compiled once at the install, and not by every process where PYTHONDONTWRITEBYTECODE is set.
export UV_COMPILE_BYTECODE := 1
# Certificates that a company added to the machine count for uv as they do for pip.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false)

# uv where it can be had, because it takes seconds; pip where it cannot.
install = { $(PY) -m uv --version >/dev/null 2>&1 && $(PY) -m uv pip install --quiet --python $(PY) $(1); } \
	|| $(PY) -m pip install --quiet --disable-pip-version-check $(1)

.PHONY: help
help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  ONCE=1 ends the demo after its answer, ARGS='-k tag' goes to pytest, PYTHON=python3.12 makes .venv."

.PHONY: venv
venv: $(VENV)/.dev ## make .venv with all that tests and checks need

.PHONY: demo
demo: $(if $(wildcard $(VENV)/.dev),$(VENV)/.dev,$(VENV)/.app) ## train, save, serve and ask a classifier (ONCE=1: then stop)
	@$(PY) examples/demo.py

.PHONY: test
test: $(VENV)/.dev ## run the tests, but for the big groups
	$(PY) -m pytest -m "$(LIGHT)" $(ARGS)

.PHONY: test-all
test-all: test $(GROUPS:%=test-%) ## run all tests; a group alone: test-heavy, test-container, test-browser, test-chaos

.PHONY: $(GROUPS:%=test-%)
test-container test-browser test-chaos: test-%: $(VENV)/.dev
	$(call group,$*)

# Big libraries do not go together: each group of them has an environment of its own and the mark of its name. It runs
# the files that bear that mark; what is heavy without such a mark runs in .venv.
HEAVY := boosters tensorflow torch fastai jax
HEAVY_boosters := -e '.[build,catboost,mlflow,pandas,sklearn]'
HEAVY_tensorflow := -e '.[build,image,keras,pandas,sklearn]' matplotlib
HEAVY_fastai := -e '.[build,fastai,sklearn]' torch --override tests/frameworks/without-torchvision.txt
HEAVY_jax := -e '.[flax,pandas,sklearn]'
HEAVY_torch := -e '.[build,image,diffusers,pandas,pytorch,pytorch_lightning,sklearn,transformers]'

.PHONY: test-heavy test-heavy-alone $(HEAVY:%=test-heavy-%)
test-heavy: ## run the tests of big libraries; one group alone: test-heavy-torch
	@$(MAKE) --no-print-directory --keep-going test-heavy-alone $(HEAVY:%=test-heavy-%)

test-heavy-alone: $(VENV)/.dev
	$(PY) -m pytest -m "heavy$(HEAVY:%= and not %)" $(ARGS) $(or_none)

$(HEAVY:%=test-heavy-%): test-heavy-%: .venvs/heavy-%/.done
	PATH="$(CURDIR)/$(<D)/bin:$$PATH" $(<D)/bin/python -m pytest -m "heavy and $*" $(ARGS) \
		$(shell grep -rlE 'mark\.$*\b' tests compat --include='*.py') $(or_none)

.PHONY: chaos
chaos: $(VENV)/.dev ## torment servers for half an hour: CHAOS_SECONDS=1800
	CHAOS_SECONDS=$(or $(CHAOS_SECONDS),1800) $(PY) -m pytest -m chaos $(ARGS)

# pytest leaves with 5 where a group has no test yet.
group = $(PY) -m pytest -m $(1) $(ARGS) $(or_none)
or_none = || { code=$$?; [ $$code -eq 5 ] && echo "no such test" || exit $$code; }

.PHONY: check
check: $(VENV)/.dev ## ruff, mypy, import-linter, the measures of the house, spelling
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy src $(wildcard compat/*/src)
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -q tests/house -m "$(LIGHT)"
	git ls-files -z | xargs -0 $(VENV)/bin/codespell

.PHONY: docs
docs: $(VENV)/.dev ## write docs/cli.md and docs/rooms.md, check the links, anchors and examples of the docs
	$(PY) docs/write_cli.py
	$(PY) docs/write_rooms.py
	$(PY) -m pytest -q tests/house/test_docs.py

.PHONY: wheelhouse
wheelhouse: $(VENV)/.dev ## build wheels of ekiben and of the drop-ins into wheelhouse/
	rm -rf wheelhouse
	for folder in . $(dir $(wildcard compat/*/pyproject.toml)); do \
		(cd $$folder && $(CURDIR)/$(PY) -m hatchling build -t wheel -d $(CURDIR)/wheelhouse) || exit 1; \
	done

.PHONY: acceptance
acceptance: wheelhouse ## run the documents of others, row by row (EKIBEN_SEEDS names their folder)
	$(PY) acceptance/run.py $(ARGS)

.PHONY: bench
bench: $(VENV)/.bench .venvs/bench-models/.done ## measure Ekiben beside its peers, write docs/benchmarks.md (BENCH_ARGS="--rounds 3")
	$(PY) bench/run.py --report docs/benchmarks.md $(BENCH_ARGS)

$(VENV)/.bench: $(VENV)/.dev
	@$(call install,matplotlib)
	@touch $@

.venvs/bench-models/.done: bench/model.py $(VENV)/.dev
	BENCH_MODELS=$(@D) $(PY) bench/model.py
	@touch $@

# What each peer needs beside the models' own packages; MLServer 1.7 does not start with a newer uvloop.
PEERS := bentoml mosec litserve mlserver flask fastapi blacksheep
PEER_litserve := python-multipart
PEER_mlserver := 'uvloop<0.22'
PEER_flask := gunicorn
PEER_fastapi := uvicorn uvloop httptools
PEER_blacksheep := uvicorn uvloop httptools

.PHONY: bench-peers
bench-peers: $(PEERS:%=.venvs/bench-%/.done) ## make environments with the peers, to measure beside

$(PEERS:%=.venvs/bench-%/.done): .venvs/bench-%/.done: $(VENV)/.dev
	$(PY) -m uv venv -q --allow-existing --python $(PY) $(@D)
	$(PY) -m uv pip install -q --python $(@D)/bin/python $* $(PEER_$*) scikit-learn joblib numpy pillow
	@touch $@

.PHONY: lock
lock: $(VENV)/.dev ## write requirements-dev.txt again, with the newest versions that go together
	$(PY) -m uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --extra dev \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml -o $(LOCK)

.PHONY: clean
clean: ## remove .venv, wheels and caches
	rm -rf $(VENV) .venvs wheelhouse build dist .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@for python in $(PYTHON) $(if $(PYTHON),,python3 python3.13 python3.12 python3.11); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "error: Ekiben needs Python 3.11 or newer: $$($(or $(PYTHON),python3) --version 2>&1)" >&2; echo >&2; \
		echo "hint: install one and name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "error: $$found must bring the modules venv and ensurepip: it does not" >&2; echo >&2; \
		echo "hint: on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "making $(VENV) with $$($$found --version)"; \
	rm -rf $(VENV) && $$found -m venv $(VENV) && \
	{ $(PY) -m pip install --quiet --disable-pip-version-check uv || echo "uv cannot be had here, pip does its work"; }

$(VENV)/.app: pyproject.toml | $(PY)
	@echo "installing Ekiben and scikit-learn into $(VENV)"
	@$(call install,-e '.[sklearn]')
	@touch $@

$(VENV)/.dev: $(LOCK) pyproject.toml | $(PY)
	@echo "installing Ekiben and all that its tests need into $(VENV)"
	@$(call install,--require-hashes -r $(LOCK))
	@$(call install,--no-deps --no-build-isolation -e .)
	@touch $@

# A folder with a wheel of PyTorch for the CPU, as pip knows it, spares the gigabytes that a GPU needs.
FIND_LINKS := $(or $(UV_FIND_LINKS),$(PIP_FIND_LINKS))
into = $(PY) -m uv pip install --quiet --python $(@D)/bin/python

.venvs/heavy-%/.done: pyproject.toml Makefile $(VENV)/.dev
	@echo "installing the group $* into $(@D)"
	@$(PY) -m uv venv --quiet --allow-existing --python $(PY) $(@D)
	@$(if $(and $(FIND_LINKS),$(findstring torch,$(HEAVY_$*))),$(into) --no-deps --no-index --find-links "$(FIND_LINKS)" torch 2>/dev/null || true)
	@$(into) anyio hatchling hypothesis pytest pytest-timeout $(HEAVY_$*)
	@touch $@

.venvs/heavy-tensorflow/.done: .venvs/dvc/.done

# DVC holds back what the tests need newer (antlr4, by way of hydra), so it has an environment of its own.
.venvs/dvc/.done: | $(PY)
	@echo "installing DVC into .venvs/dvc"
	@$(PY) -m venv .venvs/dvc && .venvs/dvc/bin/python -m pip install --quiet --disable-pip-version-check dvc
	@touch $@
