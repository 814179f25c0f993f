# Everything runs in .venv, made on first use and kept up to date with pyproject.toml and constraints.txt:
# `make test` and `make demo` need nothing but Python 3.11 and make.
#
#   make test PYTHON=python3.12       another interpreter (for a new .venv only)
#   make test PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"      where no CPU build of torch is local
#   make test PYTEST_ARGS="-k merge"  part of the suite
#   make test-torch TORCH=2.11.0      the tests on another PyTorch, in an environment of its own outside of the checkout

PYTHON      ?= python3
VENV        ?= .venv
WORKERS     ?= 2
PIP_ARGS    ?=
PYTEST_ARGS ?=
BENCH_ARGS  ?=
MUTATE_ARGS ?=
GALLERY_ARGS ?=
TORCH       ?=
TORCH_VENV  ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lamina/torch-$(TORCH)

BIN := $(VENV)/bin
# One thread for each worker: no more threads than cores, and sums that are added up in the same order on every machine.
# A worker that crashes ends the run: in a new worker's place pytest-xdist 3.8 waits for ever, or falls over itself.
# Files run in their order: pytest-xdist would leave those with few tests, and the longest of them, to one worker at the end.
# Bytecode is kept, whatever the caller's settings: tests start a hundred other processes, which would compile Lamina each.
PYTEST := env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart=0 --hypothesis-seed=0
# What PyTorch and oneDNN do on a processor without AVX-512, and the tests that depend on it most.
AVX2 := ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2
AVX2_TESTS := tests/models/test_joining.py tests/models/test_folding.py tests/layers/test_rnn_fused.py \
	tests/layers/test_parity.py tests/layers/test_universal.py tests/precision tests/training/test_fit.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo gallery test test-all test-avx2 test-torch lint keras-tests mutate format bench clean clean-all

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

venv: $(VENV)/.installed-dev ## set up .venv with everything needed to work on Lamina

demo: $(VENV)/.installed-demo ## train on real handwritten digits, save, load, draw (under a minute)
	$(BIN)/python examples/digits.py

gallery: $(VENV)/.installed-test ## every system that the Functional API is known for, on real data (up to an hour)
	$(BIN)/python -m gallery $(GALLERY_ARGS)

test: lint ## check style, types, the house, and run the tests but the slow ones (6 min on two quiet cores)
	@echo 'The tests but the slow ones: about 5 minutes on two quiet cores, up to 25 on busy ones.'
	$(PYTEST) $(PYTEST_ARGS)

test-all: lint ## the same with the slow tests
	@echo 'All tests: about 75 minutes on two quiet cores.'
	$(PYTEST) -m "slow or not slow" $(PYTEST_ARGS)

test-avx2: $(VENV)/.installed-dev ## the tests of what differs between processors, as on one without AVX-512 (1 min)
	$(AVX2) $(PYTEST) $(AVX2_TESTS) $(PYTEST_ARGS)

test-torch: ## the tests on another PyTorch: make test-torch TORCH=2.11.0 (some GB; see docs/versions.md)
	@test -n '$(TORCH)' || { echo 'Name a version: make test-torch TORCH=2.11.0' >&2; exit 1; }
	test -x '$(TORCH_VENV)/bin/pip' || $(PYTHON) -m venv '$(TORCH_VENV)'
	{ grep -v '^torch==' constraints.txt; echo 'torch==$(TORCH)'; } > '$(TORCH_VENV)/constraints.txt'
	'$(TORCH_VENV)/bin/python' -m pip install --quiet $(PIP_ARGS) -c '$(TORCH_VENV)/constraints.txt' -e '.[test]'
	$(PYTEST:$(BIN)/%='$(TORCH_VENV)/bin/'%) $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev ## ruff (lint and format), mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

keras-tests: $(VENV)/.installed-dev ## Keras' own tests, from its wheel, on Lamina: how many pass, what others fail by (10 min)
	$(BIN)/python -m tests.keras_suite.run $(KERAS_TESTS_ARGS)

mutate: $(VENV)/.installed-dev ## break the library on purpose, one line at a time: which breaks does no test notice?
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutation $(MUTATE_ARGS)

format: $(VENV)/.installed-dev ## let ruff mend what it can
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(VENV)/.installed-bench ## Lamina beside its peers: a table of ratios
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

clean: ## remove caches and outputs
	rm -rf build dist demo_output gallery_output .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

clean-all: clean ## the same, and .venv
	rm -rf $(VENV)

# The environment. pip is the last thing that venv writes, so its presence means that venv finished.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Lamina needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp for each set of extras; constraints.txt goes with every install, so that no other torch is ever fetched.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[$*]'
	@touch $@
