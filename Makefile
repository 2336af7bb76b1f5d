# `make demo` and `make test` need Python (3.11 or newer) and pip; they make the virtual environment themselves.
#
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu   take PyTorch from this index (here: without CUDA)
#   make demo OUT=folder ARGS="--seed 1"                         another output folder, other options

PYTHON ?= python3
TORCH_INDEX ?=
OUT ?= demo
ARGS ?=
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test

demo: $(INSTALLED)
	$(BIN)/pseudohealthy demo --out $(OUT) $(ARGS)

# The documentation's code blocks are tests/docs. One thread a worker: two workers share the processor.
test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --cov

# Made again when a dependency changes. The pinned PyTorch of another index satisfies the pin in constraints.txt.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --index-url $(TORCH_INDEX) "$$(grep '^torch==' constraints.txt)")
	$(BIN)/python -m pip install -c constraints.txt -e '.[all,dev]'
	touch $@
