# make demo   register two real brains
# make test   the whole test suite, doctests and notebooks, on two cores
# make lint   ruff, mypy, import-linter
# make fuzz   thousands of damaged files (make fuzz CASES=50000)
# make docs   the site, in docs/_build/html
# make bench  the figures that the README quotes, peers in the same run
# make clean  remove what the others made

# The first Python that is new enough; name another one with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
PINS := pyproject.toml constraints.txt requirements-demo.txt hatch_build.py CMakeLists.txt \
	$(wildcard regkit/kernels/cpp/*)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install -c constraints.txt

.DELETE_ON_ERROR:
.PHONY: demo test lint docs fuzz bench clean

demo: $(VENV)/.demo
	$(BIN)/python -m benchmarks.demo

test: $(VENV)/.dev
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n 2 --dist loadfile --nbmake tests regkit denoise foundation probes notebooks

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Warnings are errors. The source folder is the checkout; docs/conf.py says which of its pages count.
docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 -c docs -d docs/_build/doctrees . docs/_build/html
	@echo docs/_build/html/index.html

CASES ?= 10000
fuzz: $(VENV)/.dev
	REGKIT_FUZZ=$(CASES) $(BIN)/python -m pytest tests/fuzz -x -q --timeout 0

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.register --peers

clean:
	rm -rf $(VENV) demo dist build docs/_build docs/api regkit/kernels/loops_* .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.venv:
	@test -n "$(PYTHON)" || { echo "regkit needs Python 3.11 or newer: make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# A stamp a set of packages: what is installed is not installed again.
$(VENV)/.demo: $(VENV)/.venv $(PINS)
	$(PIP) -e '.[demo]'
	$(PIP) --no-deps --require-hashes -r requirements-demo.txt
	touch $@

# `dev` holds `demo`: regkit, whose loops are compiled, is built once.
$(VENV)/.dev: $(VENV)/.venv $(PINS)
	$(PIP) -e '.[dev]'
	$(PIP) --no-deps --require-hashes -r requirements-demo.txt
	touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.demo
	$(PIP) -e '.[bench]'
	touch $@
