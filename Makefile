# The few commands that a person types. Everything runs in .venv, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint bench pictures clean
.DEFAULT_GOAL := demo

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(INSTALLED)

demo: $(INSTALLED)       ## build, certify and check a network on handwritten digits
	$(BIN)/memverify demo

test: $(INSTALLED)       ## the whole test suite, in parallel
	$(BIN)/python -m pytest --numprocesses auto

lint: $(INSTALLED)       ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)      ## ratios against other exact routes: CSV and picture in docs/benchmarks
	$(BIN)/python -m benchmarks.exact_certification -o docs/benchmarks
	$(BIN)/python -m benchmarks.convex_cells -o docs/benchmarks
	$(BIN)/python -m benchmarks.parameter_counts -o docs/benchmarks
	$(BIN)/python -m benchmarks.dimacs_parsing -o docs/benchmarks
	$(BIN)/python -m benchmarks.sat_reduction -o docs/benchmarks
	$(BIN)/python -m benchmarks.cascade -o docs/benchmarks

pictures: $(INSTALLED)   ## the pictures of the documentation; the tables need MNIST
	$(BIN)/python -m benchmarks.float_accuracy -o docs/images
	$(BIN)/memverify narrow -o docs/images
	$(BIN)/memverify table 1 -o docs/tables
	$(BIN)/sat-reduction phase-transition -o docs/experiments
	$(BIN)/sat-reduction train -o docs/experiments

clean:
	rm -rf $(VENV) demo-output
