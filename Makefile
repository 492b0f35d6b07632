# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test ui lint bench lock clean

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "Python 3.11 to 3.13 is needed; name one with make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what is pinned in requirements.lock (a few minutes, once)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## the whole way, on simulated vendors and an embedded warehouse, in ./demo
	@$(BIN)/otc demo

test: $(READY) lint  ## lint, then every test
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(READY)  ## format, style, types, import rules, SQL
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_project/models --processes 2 --disable-progress-bar

ui: $(READY)  ## the Dagster UI of ./demo (or of OTC_CONFIG) on loopback
	@$(BIN)/otc ui

bench: $(READY)  ## measured side by side; no timed tests
	@$(BIN)/python -m tests.bench

lock: $(READY)  ## resolve pyproject.toml again
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-strip-extras --universal --no-header \
		--python-version 3.11 --extra dev --extra netsuite --extra postgres --extra sftp --extra s3 pyproject.toml -o requirements.lock
	@sed -i '1i # Made by `make lock` from pyproject.toml: hashes, no index host.' requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dbt_project/target dbt_project/logs
