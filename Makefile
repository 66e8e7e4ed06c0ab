# Everything a developer or a newcomer types. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS ?= tests
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help house install run test test-all mutate check bench soak figures clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

house: ## every file of byzsgd/ with the first line that it says of itself
	@grep -rm1 --include='*.py' '"""' byzsgd | LC_ALL=C sort | sed -E 's/:[[:space:]]*r?"""/\t/; s/"""$$//' | expand -t 58

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "byzsgd needs Python >= 3.11; got %d.%d" % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/byzsgd warm
	touch $@

install: $(STAMP) ## set up the virtual environment in .venv

run: $(STAMP) ## train Kardam and plain asynchronous SGD under attack on real data, and draw the figures
	$(BIN)/byzsgd train -m experiment=quickstart hydra.sweep.dir=outputs/quickstart
	$(BIN)/byzsgd plot outputs/quickstart

test: $(STAMP) ## the test suite, a few minutes
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m 'not slow and not gpu' $(TESTS)

test-all: $(STAMP) ## all tests, also the slow ones
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(TESTS)

mutate: $(STAMP) ## which one-line mistakes the tests do not notice, some minutes
	$(BIN)/python tests/mutations/mutate.py

check: $(STAMP) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## the whole table of docs/performance.md, ratios on the screen
	$(BIN)/python benchmarks/table.py

soak: $(STAMP) ## a million deliveries: memory, records and time per delivery stay flat (minutes)
	$(BIN)/python tests/fuzz/soak.py

figures: $(STAMP) ## rerun what is missing and redraw every figure of README and docs
	$(BIN)/python -m plots

clean: ## remove what was built (outputs/ stays)
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
