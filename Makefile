# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV   := .venv
PEERS  := .peers
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test peers ui lint bench lock clean

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "Python 3.11 to 3.13 is needed; name one with make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what is pinned in requirements.lock (a few minutes, once)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## the whole way, on simulated vendors and an embedded warehouse, in ./demo
	@$(BIN)/otc demo

# Programs that other people wrote, which tests put against this one: each in an environment of its own, from its own lock.
peers: $(patsubst tests/live/%.lock,$(PEERS)/%/.ready,$(wildcard tests/live/*.lock)) $(PEERS)/jsforce/.ready  ## what live tests talk to

$(PEERS)/%/.ready: tests/live/%.lock
	@echo "installing $* as tests need it"
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(PEERS)/jsforce/.ready: tests/live/jsforce/package-lock.json
	@if command -v npm >/dev/null; then echo "installing jsforce as tests need it" && rm -rf $(@D) && mkdir -p $(@D) && \
		cp tests/live/jsforce/package.json tests/live/jsforce/package-lock.json tests/live/jsforce/.npmrc $(@D) && \
		npm ci --silent --prefix $(@D) && touch $@; else echo "no npm here: tests with jsforce will say so and skip"; fi

test: $(READY) lint  ## lint, then every test; pictures of the UI stay in artefacts/ui
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

# Where one package asks for `name` and another for `name[extra]`, pip 23 takes only what the lock names by each: a pin with
# an extra stands with its plain name before it, else installing breaks on the day that a newer release of `name` appears.
PLAIN_NAMES := sed -i -E '/^[^ \#]+\[[^]]+\]==/ { :more; /\\$$/ { N; b more }; h; s/^([^[]+)\[[^]]+\]/\1/; G }'

lock: $(READY)  ## resolve pyproject.toml again
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-strip-extras --universal --no-header \
		--python-version 3.11 --extra dev --extra netsuite --extra postgres --extra sftp --extra s3 --extra deploy pyproject.toml -o requirements.lock
	@sed -i '1i # Made by `make lock` from pyproject.toml: hashes, no index host.' requirements.lock
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-strip-extras --universal --no-header \
		--python-version 3.11 --extra netsuite --extra postgres --extra sftp --extra s3 --extra deploy \
		--constraint requirements.lock pyproject.toml -o deploy/requirements.lock
	@sed -i '1i # Made by `make lock`: what the image installs, the same versions as in requirements.lock.' deploy/requirements.lock
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --universal --no-header --python-version 3.11 \
		deploy/build.in -o deploy/build.lock && sed -i '1i # Made by `make lock` from deploy/build.in: hashes, no index host.' deploy/build.lock
	@cd tests/live && for peer in *.in; do \
		../../$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-strip-extras --universal --no-header --python-version 3.11 \
			$$peer -o $${peer%.in}.lock && sed -i "1i # Made by \`make lock\` from $$peer: hashes, no index host." $${peer%.in}.lock; done
	@$(PLAIN_NAMES) requirements.lock deploy/*.lock tests/live/*.lock
	@cd tests/live/jsforce && npm install --silent --package-lock-only

clean:
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache dbt_project/target dbt_project/logs
