# Everything sets itself up: `make demo` and `make test` work on a fresh machine with Python 3.11, pip and gcc.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := .venv-bench/.ready
DOLMA := .venv-dolma/.ready
TEXTDEDUP := .venv-textdedup/.ready
S3 := $(VENV)/.s3
PRESIDIO := .venv-presidio/.ready
EXPORT := .venv-export/.ready
NEARDUP := $(wildcard ../shared/data/neardup/*)

.PHONY: help setup demo test test-all check golden bench docs

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: $(READY) ## Make the virtual environment

$(READY): pyproject.toml constraints.txt
	command -v $(PYTHON) >/dev/null && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[train,trafilatura,dev]'
	touch $@

demo: $(READY) ## From a web archive to a trained model and a report, on the sample
	$(BIN)/curate run pipelines/demo.yaml
	$(BIN)/curate audit runs/demo
	@echo "Open runs/demo/report.html in a browser."

test: $(READY) ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not slow'

test-all: $(READY) $(BENCH) $(DOLMA) $(EXPORT) $(S3) ## Run all tests, the slow ones and those against other libraries too
	$(BIN)/python -m pytest -n 2 --dist loadgroup

$(S3): $(READY)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt s3fs 'moto[s3,server]'
	touch $@

check: $(READY) ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check datacurate tests scripts bench
	$(BIN)/mypy

golden: $(READY) ## Rewrite the golden digests (bump `version` of the stages whose output moved)
	$(BIN)/python -m pytest -q tests/golden --golden-update

$(BENCH): bench/requirements-peers.txt
	python3 -m venv .venv-bench
	.venv-bench/bin/pip install -q --disable-pip-version-check -r bench/requirements-peers.txt
	touch $@

$(DOLMA): bench/requirements-dolma.txt
	$(PYTHON) -m venv .venv-dolma
	.venv-dolma/bin/pip install -q --disable-pip-version-check --no-deps -r bench/requirements-dolma.txt
	touch $@

$(TEXTDEDUP): bench/requirements-textdedup.txt
	$(PYTHON) -m venv .venv-textdedup
	.venv-textdedup/bin/pip install -q --disable-pip-version-check --no-deps -r bench/requirements-textdedup.txt
	touch $@

$(PRESIDIO): bench/requirements-presidio.txt
	$(PYTHON) -m venv .venv-presidio
	.venv-presidio/bin/pip install -q --disable-pip-version-check -r bench/requirements-presidio.txt
	touch $@

$(EXPORT): bench/requirements-export.txt
	$(PYTHON) -m venv .venv-export
	.venv-export/bin/pip install -q --disable-pip-version-check --no-deps -r bench/requirements-export.txt
	touch $@

bench: $(READY) $(BENCH) $(TEXTDEDUP) $(PRESIDIO) ## Speed against datatrove in the same run, as ratios; what deduplication removes
	$(BIN)/python bench/run.py
	$(BIN)/python bench/tune.py
	$(BIN)/python bench/language.py
	$(BIN)/python bench/dedup.py
	$(BIN)/python bench/against.py
	$(BIN)/python bench/neardup.py $(NEARDUP)
	$(BIN)/python bench/pii.py ../shared/data
	$(BIN)/python bench/extract.py
	$(BIN)/python bench/decontaminate.py ../shared/data
	$(BIN)/python bench/sources.py
	$(BIN)/python bench/token_speed.py ../shared/data
	$(BIN)/python bench/token_pipeline.py ../shared/data
	$(BIN)/python bench/packing.py ../shared/data
	$(BIN)/python bench/loader.py
	$(BIN)/python bench/shuffle.py

docs: $(READY) ## Write the reference pages from the stage classes
	$(BIN)/python scripts/build_docs.py
