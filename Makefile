.DEFAULT_GOAL := help
.PHONY: help setup prometheus demo test check bench

help: ## list what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: ## install what is missing: .venv, and from Debian runc, nftables, iproute2
	@./setup.sh

prometheus: ## what the storms about alerts need besides: Prometheus and Alertmanager, unpacked into .venv
	@./setup.sh prometheus

demo: setup ## two failure patterns against the demo shop, with and without its defenses
	@.venv/bin/seawall run scenarios/lying-health-checks.yaml scenarios/oomkilled-surprise.yaml

test: prometheus ## every test that this machine can run
	@.venv/bin/pytest

check: setup ## formatting, lint, types, import directions
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/lint-imports
	@.venv/bin/mypy

bench: setup ## print the figures of the design
	@for b in benchmarks/[a-z]*.py; do .venv/bin/python -m benchmarks.$$(basename $$b .py) || exit 1; done
