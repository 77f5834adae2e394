# The two commands of the README, and the parts they are made of. Only Python >= 3.11 and git are needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two more than there are cores: many tests wait for processes, servers and disks.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')
# Tests start many processes; none of them is to compile the sources again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test soak check format lock clean

# What the environment is made of; made anew when the project's dependencies change.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/ready  ## The main job on the sandbox: validate, plan, apply, change the PIM, plan again.
	$(BIN)/sync-engine demo

test: $(VENV)/ready  ## The whole test suite.
	$(BIN)/pytest -n auto --dist worksteal $(PYTEST_ARGS)

soak: $(VENV)/ready  ## The long forms of the proof of docs/reliability.md, with their figures.
	$(BIN)/pytest -n auto --dist worksteal -m soak tests/reliability $(PYTEST_ARGS)

check: $(VENV)/ready  ## Format, lint, strict types, import rules.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/ready  ## Write the exact versions that are installed now.
	$(BIN)/python -m pip freeze --exclude-editable | LC_ALL=C sort --ignore-case > constraints.txt

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
