# `make help` lists the commands. Everything lives in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.DEFAULT_GOAL := help
.PHONY: help run dev test check scripts format bench recordings words hooks chromium clean

help:  ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Expected Python 3.11 or newer, found $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing (on Debian: apt install python3-venv)."; exit 1; }

$(VENV)/.run: requirements.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/.bench: requirements-bench.txt $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

run: $(VENV)/.run  ## Set up what is needed and serve the gallery
	$(BIN)/streamlit run app.py --server.port $(PORT)

dev: $(VENV)/.dev  ## The same, with reload on change and error details
	$(BIN)/streamlit run app.py --server.port $(PORT) --server.fileWatcherType auto --client.showErrorDetails full

test: $(VENV)/.dev chromium  ## Set up what the tests need (Chromium too) and run all of them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.dev  ## Lint, format and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

scripts: $(VENV)/.dev  ## Run the scripts of all presets and compare their metrics
	SCRIPTS=all $(BIN)/python -m pytest tests/test_scripts.py

format: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench chromium  ## Measure everything BENCHMARKS.md quotes
	$(BIN)/python -m engine bench

recordings: $(VENV)/.run  ## Train the recorded runs that pages open on
	$(BIN)/python -m engine recordings

words: $(VENV)/.dev  ## Collect the visitor-facing words for translators
	$(BIN)/pybabel extract -F babel.cfg -k N_ --no-location -o engine/locale/gallery.pot --project "PyTorch Live Gallery" --omit-header .

hooks: $(VENV)/.dev  ## Install the pre-commit hooks
	$(BIN)/pre-commit install

chromium:
	@sh tests/chromium.sh

clean:  ## Remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
