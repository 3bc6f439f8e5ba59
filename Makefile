# `make` says what there is. All of it works from a fresh clone: bin/setup makes .venv first.

PYTHON := .venv/bin/python
# Checks import the settings: they must neither meet nor touch this machine's database, Redis and data.
ISOLATED := env SQL_DSN= REDIS_CONN_STRING= NODE_TYPE=master DATA_DIR=$(CURDIR)/.cache/check
LOCK := $(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help run demo test check bench bench-console reliability matrix coverage docs messages format lock clean setup setup-dev

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

# exec: the server is this command's process and gets its signals. The environment (PORT, DATA_DIR ...) passes as it is.
run: setup ## Run the server in the foreground (PORT, DATA_DIR, SQL_DSN ... from the environment)
	@exec $(PYTHON) manage.py serve

demo: setup ## Fill a fresh installation with sample channels, users, tokens and 30 days of usage
	@exec $(PYTHON) manage.py demo --serve

test: setup-dev ## Run the tests; ARGS="-k money" is handed to pytest
	$(PYTHON) -m pytest -n auto --maxprocesses 8 --dist loadgroup $(ARGS)

check: setup-dev ## Format, lint, types, imports, migrations, deployment checks, generated docs
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	.venv/bin/djangofmt --quiet --check .
	$(ISOLATED) $(PYTHON) -m mypy .
	.venv/bin/lint-imports
	$(ISOLATED) $(PYTHON) manage.py makemigrations --check --dry-run
	$(ISOLATED) $(PYTHON) manage.py check --deploy --fail-level WARNING
	$(ISOLATED) $(PYTHON) manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(ISOLATED) $(PYTHON) manage.py docs_configuration --check
	$(ISOLATED) $(PYTHON) manage.py docs_providers --check

bench: setup ## Measure the gateway (needs wrk); PEERS=litellm measures that too
	$(PYTHON) -m bench $(if $(PEERS),--peers $(PEERS)) $(ARGS)

reliability: setup ## Run what goes wrong with channels, and overload; ARGS="dead slow" runs some, ARGS=soak 20 minutes
	$(PYTHON) -m bench.reliability $(ARGS)

matrix: setup-dev ## Try every client dialect on every provider, and write docs/matrix.md
	WRITE_MATRIX=1 $(PYTHON) -m pytest -q -s tests/matrix

bench-console: setup ## Measure the console with 500,000 calls (with TEST_POSTGRES_URL: 5 million there)
	$(PYTHON) -m bench.console $(ARGS)

coverage: setup-dev ## Run the tests and show which lines none of them reached
	$(PYTHON) -m coverage erase
	$(PYTHON) -m coverage run -m pytest -n auto --maxprocesses 8 --dist loadgroup $(ARGS)
	$(PYTHON) -m coverage combine --quiet
	$(PYTHON) -m coverage report

docs: setup ## Write the generated pages (docs/configuration.md, docs/providers.md)
	$(ISOLATED) $(PYTHON) manage.py docs_configuration
	$(ISOLATED) $(PYTHON) manage.py docs_providers

messages: setup ## Collect and compile the texts of all languages (needs gettext)
	$(ISOLATED) $(PYTHON) manage.py makemessages --all --no-obsolete --add-location file \
		--ignore .venv --ignore tests --ignore bench
	$(ISOLATED) $(PYTHON) manage.py compilemessages --ignore .venv

format: setup-dev ## Format code and templates, and mend what can be mended
	$(PYTHON) -m ruff check --fix-only --quiet .
	$(PYTHON) -m ruff format .
	.venv/bin/djangofmt --quiet .

lock: setup-dev ## Write the requirements files from pyproject.toml; UPGRADE=1 renews indirect ones
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(LOCK) --group pyproject.toml:mysql -o requirements-mysql.txt

clean: ## Remove caches; .venv and data stay
	rm -rf .cache .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@bin/setup

setup-dev:
	@bin/setup --dev
