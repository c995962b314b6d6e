# Everything a developer needs. Two commands on a fresh machine with Python 3.11 or later: make demo, make test.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
UV := $(BIN)/uv
RUN := .venv/.run-time
DEV := .venv/.development
# What only looks and is quick; the rest of the rings needs make test. What is `costly` names the quick test that watches over
# the same promise (tests/rules/test_rings.py sees to it).
QUICK := not slow and not costly and not crash and not browser and not peers
ELSEWHERE := $(foreach ring,crash browser peers,--ignore=tests/$(ring))

# The gateway is started some hundred times by the tests: its modules are compiled once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check format types floors quick fmt bench million history soak fuzz package sbom audit lock clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      the whole product on this machine, against a scripted internet (ONCE=1: ends by itself)"
	@echo "make test      every test"
	@echo "make check     format, types, floors and the quick tests: under a minute"
	@echo "make quick     of these, the tests alone"
	@echo "make format    whether the source is in its format"
	@echo "make types     whether the types fit"
	@echo "make floors    whether no floor imports a higher one, and nothing undeclared is used"
	@echo "make fmt       put the source in its format, and the generated documents in their state"
	@echo "make bench     the speed figures of the README; the report in bench/report.md"
	@echo "make million   RECIPIENTS=1000000 in CAMPAIGNS=1 end to end, DATABASE=postgresql or SQLite; the graph in bench/million.svg"
	@echo "make history   ROWS=10000000 recipients of past campaigns in PostgreSQL beside a tenth of them; the report in bench/history.md"
	@echo "make soak      campaigns and faults for MINUTES=60, on SQLite or DATABASE=postgresql; the graph in bench/soak.svg"
	@echo "make fuzz      look for bytes that break a parser (SECONDS=60 for each, where atheris is installed)"
	@echo "make package   wheel and sdist in dist/"
	@echo "make sbom      the bill of materials of what runs, dist/sbom.json (CycloneDX)"
	@echo "make audit     look for known weaknesses of what runs (asks a public advisory service)"
	@echo "make lock      choose the versions of all dependencies anew (UPGRADE=1: the newest ones)"
	@echo "make clean     remove everything that was made here"

demo: $(if $(wildcard $(DEV)),$(DEV),$(RUN))
	@$(BIN)/mail2campaign demo $(if $(ONCE),--once)

# Many tests wait for gateways, servers and browsers, so twice as many run side by side as there are processors; those that
# hold the gateway to the seconds that the README promises have the machine to themselves.
test: $(DEV)
	$(BIN)/python -m pytest --forks $$((2 * $(JOBS))) -m "not alone" $(ARGS)
	$(BIN)/python -m pytest -m alone tests/crash $(ARGS)

# Side by side, line by line; what fails is named at the end.
check: $(DEV)
	@$(MAKE) --no-print-directory -j $(JOBS) -k -Oline quick types format floors

format: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV)
	$(BIN)/mypy

floors: $(DEV)
	$(BIN)/lint-imports
	$(BIN)/deptry .

# What these write need not outlive them: in memory, where there is a gigabyte to spare, no fsync waits for a disk.
quick: export PYTEST_DEBUG_TEMPROOT ?= $(shell test $$(df -P /dev/shm 2>&1 | awk 'END {print int($$4)}') -gt 1000000 && echo /dev/shm)
quick: export HYPOTHESIS_PROFILE ?= quick
quick: $(DEV)
	$(BIN)/python -m pytest --forks $(JOBS) -m "$(QUICK)" $(ELSEWHERE) $(ARGS)

fmt: $(DEV)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/python scripts/reference_docs.py
	$(BIN)/python scripts/openapi.py

bench: $(DEV)
	@$(BIN)/python scripts/benches.py --to bench/report.md

million: $(DEV)
	@mkdir -p bench
	$(BIN)/python scripts/million.py --recipients $(or $(RECIPIENTS),1000000) --campaigns $(or $(CAMPAIGNS),1) \
		$(if $(DATABASE),--$(DATABASE)) --graph bench/million.svg

history: $(DEV)
	$(BIN)/python scripts/history.py --rows $(or $(ROWS),10000000) $(if $(FOLDER),--folder $(FOLDER)) --to bench/history.md

soak: $(DEV)
	@mkdir -p bench
	$(BIN)/python scripts/soak.py --minutes $(or $(MINUTES),60) $(if $(DATABASE),--$(DATABASE)) --graph bench/soak.svg

# The same tests as in make test, with many more and ever new examples; then by coverage.
fuzz: $(DEV)
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/fuzz tests/gateway/api/test_schemathesis.py $(ARGS)
	@for target in list mail campaign return winmail config explain; do \
		$(BIN)/python scripts/fuzz_guided.py $$target --seconds $(or $(SECONDS),60) || exit 1; done

package: $(DEV)
	rm -rf dist/*.whl dist/*.tar.gz
	$(BIN)/python -m build --no-isolation --outdir dist .

sbom: $(DEV)
	@mkdir -p dist
	$(BIN)/python scripts/sbom.py > dist/sbom.json

# pip-audit is fetched when it is asked for. Where its service knows none of the packages, it cannot tell anything: that fails, too.
audit: $(DEV)
	@mkdir -p dist
	@$(UV) tool run pip-audit --strict --require-hashes --disable-pip -r requirements.lock || { echo "make audit: not clean.\
 Either weaknesses stand above, or pip-audit or its advisory service could not be reached: then nothing is known." >&2; exit 1; }

# A virtual environment, then uv by pip (known by its hash), which does the rest in seconds.
.venv/.uv: requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mail2campaign needs Python 3.11 or later; try make PYTHON=python3.13" >&2; exit 1; }
	@echo "Preparing .venv (once)…"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
	@touch $@

$(RUN): .venv/.uv requirements.lock pyproject.toml
	@$(UV) pip sync --quiet -p $(BIN)/python --require-hashes requirements-build.lock requirements.lock
	@$(UV) pip install --quiet -p $(BIN)/python --no-deps --no-build-isolation --editable .
	@rm -f $(DEV); touch $@

$(DEV): .venv/.uv requirements-dev.lock pyproject.toml
	@$(UV) pip sync --quiet -p $(BIN)/python --require-hashes requirements-build.lock requirements-dev.lock
	@$(UV) pip install --quiet -p $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# The locks hold versions and hashes only, and fit every Python from 3.11 on; needs the .venv of any earlier lock.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
lock: .venv/.uv
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.lock
	$(COMPILE) pyproject.toml -c requirements-dev.lock -o requirements.lock
	$(COMPILE) --group build -c requirements-dev.lock -o requirements-build.lock

clean:
	rm -rf .venv demo bench build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .fuzz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
