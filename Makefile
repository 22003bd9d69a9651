# Two commands on a fresh machine with Python (3.11 or later) and make:
#   make conformance   set up, run the suites against embedded servers, write and name the report
#   make test          set up, run our own tests
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Tests in virtual time, which may share the processors; the others talk to servers and clocks.
PURE = tests/falsify tests/language tests/core tests/protocols tests/requirements

.PHONY: setup conformance test lint types showcase bench clean

setup: $(VENV)/.ready
$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --group dev --editable '.[load,embedded]'
	rm -rf *.egg-info  # left over from building; another Python started here would take it for an installation
	touch $@

conformance: setup
	$(BIN)/pytest suites --deviations lab/embedded-deviations.yaml \
		--results results/embedded.jsonl --report results/embedded.html

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(PURE) -n auto
	$(BIN)/pytest tests $(PURE:%=--ignore=%)

lint: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup
	$(BIN)/mypy

# The example report of the whole lab, from real runs (about half an hour), and the answers that case pages show.
showcase: setup
	rm -rf results/showcase
	-$(BIN)/python -m plumbline.lab.showcase results/showcase
	$(BIN)/plumbline report results/showcase/*.jsonl -o docs/showcase/lab.html --reference reports/lab-answers.jsonl
	$(BIN)/python docs/showcase/screenshots.py

bench: setup
	$(BIN)/python -m pip install --quiet 'aiosmtplib>=3'  # one of those compared
	$(BIN)/python benchmarks/transfer.py --full --write docs/performance.md
	$(BIN)/python benchmarks/ftp.py --write docs/performance.md
	$(BIN)/python benchmarks/capture.py --write docs/performance.md  # only root may

clean:
	rm -rf $(VENV) build dist results .lab *.egg-info
