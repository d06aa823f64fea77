# `make` lists what there is. Works with GNU make 3.81 (macOS) and later.

SHELL = /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test bench peers fuzz matrix corpus docs format clean dist demo-environment environment

VENV := .venv
BIN := $(VENV)/bin
VERSIONS := 3.11 3.12 3.13
# Most tests wait for a process of theirs most of the time. By file: what is in one takes its turn.
PYTEST := -m pytest -n logical --maxprocesses 4 --dist loadfile

export PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NO_MKDOCS_2_WARNING := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

help: ## Show this list
	@echo 'make demo [ARGS="--fault kill --rank 1"]'
	@echo 'make test, and so on; PYTHON=/path/to/python3 chooses the interpreter'
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

demo: demo-environment ## Three MLX runners form a ring, lose a member, explain it and come back
	@$(BIN)/runner-actors demo $(ARGS)

test: environment ## Check format, lint, types and docs, then run the tests
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pyright --pythonpath $(BIN)/python
	$(BIN)/python -m mkdocs build --strict --config-file .mkdocs.yml
	$(BIN)/python $(PYTEST) $(ARGS)

bench: environment ## Measure what docs/benchmarks.md shows
	$(BIN)/python tests/benchmarks/run.py $(ARGS)

peers: ## Measure asks beside other actor libraries, in an environment of their own
	@.ci/environment make .venvs/peers peers
	.venvs/peers/bin/python tests/benchmarks/run.py peers

fuzz: ## Look for output that breaks what reads it, in an environment of its own
	@.ci/environment make .venvs/fuzz fuzz
	.venvs/fuzz/bin/python tests/benchmarks/run.py fuzz

matrix: ## Run the tests on every CPython 3.11, 3.12 and 3.13 found
	@found=""; failed=""; \
	for version in $(VERSIONS); do \
	    python=`.ci/environment find $$version`; \
	    if [ -z "$$python" ]; then echo "CPython $$version: not found"; continue; fi; \
	    echo "CPython $$version: $$python"; \
	    found="$$found $$version"; \
	    { PYTHON="$$python" .ci/environment make .venvs/$$version dev && \
	        .venvs/$$version/bin/python $(PYTEST) $(ARGS); } || failed="$$failed $$version"; \
	done; \
	if [ -z "$$found" ]; then echo "None of $(VERSIONS) found."; exit 1; fi; \
	if [ -n "$$failed" ]; then echo "Found$$found. Failed:$$failed"; exit 1; fi; \
	echo "Found$$found. All passed."

corpus: environment ## Show how well real crash outputs are recognised
	$(BIN)/python tests/corpus/report.py $(ARGS)

docs: environment ## Build the documentation into site/
	$(BIN)/python -m mkdocs build --strict --config-file .mkdocs.yml

format: environment ## Format the code and mend what ruff can mend
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

dist: environment ## Build wheel and sdist into dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

clean: ## Remove everything that the other targets make
	rm -rf .venv .venvs build dist site *.egg-info .coverage .hypothesis
	rm -rf .mypy_cache .ruff_cache .pytest_cache
	find actors diagnostics tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

demo-environment:
	@.ci/environment make $(VENV) mlx,cli

environment:
	@.ci/environment make $(VENV) dev
