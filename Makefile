# Everything happens in .venv of this folder; nothing outside it is touched.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo neural study serve test quick check bench clean

demo: .venv/demo.stamp  ## the main job on a real log
	$(BIN)/assay demo

neural: .venv/deep.stamp  ## the same with neural models and values for them, verified
	$(BIN)/assay demo --neural
	$(BIN)/assay verify runs/demo-neural

study: .venv/demo.stamp  ## the long comparison: every model, every valuer
	$(BIN)/assay demo --study

serve: .venv/web.stamp  ## pages and an API of the demo's run, after make demo
	$(BIN)/assay serve runs/demo

test: .venv/test.stamp  ## the whole suite
	$(BIN)/python -m pytest -n 2 --dist worksteal

quick: .venv/test.stamp  ## the common run, about two minutes
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

check: .venv/test.stamp  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/demo.stamp  ## the stage table
	$(BIN)/python timings/stages.py

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Assay needs Python 3.11 or later, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv

.venv/demo.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo]'
	touch $@

.venv/web.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[web]'
	touch $@

.venv/deep.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,deep]'
	touch $@

.venv/test.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf .venv runs
