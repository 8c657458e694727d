# Two commands do everything: `make demo` and `make test`. Each target installs what it needs into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
THREADS ?= 3
SIDE_BY_SIDE := -n $(shell test "$$(nproc 2>/dev/null || echo 2)" -gt 3 && echo 4 || echo 3) --dist loadfile
SUITES := auto auto-generalists living fusion table-1 online-rate routing paths debate-rounds pairs first-light tools gsm8k-recorded

.PHONY: install demo policy test test-slow test-page test-postgres bridges check vendor docs zoo measure eval notebooks reports bench growth screenshots bench-server bench-vocabularies bench-gpu soak soak-living soak-serve conformance constraints wheel clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(INSTALLED) ## make .venv with everything that development needs

demo: $(INSTALLED) ## install, then answer a compound question that no single zoo model can answer
	$(BIN)/agentnet demo

test: $(INSTALLED) ## the test suite, and which lines of the package no test reached
	$(BIN)/python -m slipcover -m pytest -m "not slow" $(SIDE_BY_SIDE)

test-slow: $(INSTALLED) ## the slow rest of it: notebooks, recipes, bridges, property tests with all of their examples
	AGENTNET_TEST_EXAMPLES=all $(BIN)/python -m pytest -m "slow or hypothesis"

test-page: $(INSTALLED) ## the tests of the page where all that the server says comes up to 0.3 seconds late, in parts
	AGENTNET_PAGE_DELAY=0.3 $(BIN)/python -m pytest tests/page

test-postgres: $(INSTALLED) ## the tests of the store and the registry on a real PostgreSQL server, which must be installed
	AGENTNET_TEST_POSTGRES=required $(BIN)/python -m pytest -m postgres tests/store tests/network

bridges: $(VENV)/.bridges ## the tests of the bridges, with lm-evaluation-harness (400 MB more in .venv)
	$(BIN)/python -m pytest tests/bridges

check: $(INSTALLED) ## lint, types, and that generated files are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tools.generated --check
	$(BIN)/python -m tools.page.vendor --check
	$(BIN)/python -m tools.page.types

vendor: $(INSTALLED) ## fetch the libraries of the page again, at the versions of vendor.json, and compare their hashes
	$(BIN)/python -m tools.page.vendor

docs: $(INSTALLED) ## write the generated files again: schemas, docs/protocols.md, docs/zoo.md
	$(BIN)/python -m tools.generated

eval: $(INSTALLED) ## every protocol against the best single model: 300 held-out items of each family, and a report
	$(BIN)/agentnet eval zoo

notebooks: $(INSTALLED) ## run the notebooks and keep what they show
	$(BIN)/python -m notebooks.execute

reports: $(INSTALLED) ## run the shipped suites, but for the attacks, and record their reports in evals/reports (more than an hour)
	for suite in zoo $(SUITES); do $(BIN)/agentnet eval $$suite --out evals/reports/$$suite || exit 1; done

bench: $(INSTALLED) ## what a turn costs, and the engine beside other ways to serve a GGUF file
	$(BIN)/python -m benchmarks.orchestration
	$(BIN)/python -m benchmarks.quoting
	$(BIN)/python -m benchmarks.engine.overhead
	$(BIN)/python -m benchmarks.engine.scoring
	$(BIN)/python -m benchmarks.engine.debate
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.engine --models m100@llama-bpe m100@qwen2 --agents 1 4 16 --contestants llama-server
	$(BIN)/python -m benchmarks.fusion
	$(BIN)/python -m benchmarks.fusion_cost
	$(BIN)/python -m benchmarks.wire
	$(BIN)/python -m benchmarks.gateway
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.grammar
	$(BIN)/python -m benchmarks.speculation

screenshots: $(INSTALLED) ## every view of the page, on a phone and on a desk, light and dark, into .bench/screenshots
	$(BIN)/python -m tools.page.screenshots

growth: $(INSTALLED) ## memory, threads and files over 1,000 networks opened and closed, and 2,000 runs
	$(BIN)/python -m benchmarks.growth

bench-server: $(INSTALLED) ## build llama.cpp's own server, which `make bench` compares with (minutes, once)
	$(BIN)/python -m benchmarks.engine.server_build

bench-vocabularies: $(INSTALLED) ## six real vocabularies for generated models, from the source of llama-cpp-python
	$(BIN)/python -m benchmarks.llama_cpp_source

bench-gpu: $(INSTALLED) ## a GPU: memory plan, tokens per second beside llama-server, two models on one card; writes .bench/gpu.md
	$(BIN)/python -m benchmarks.gpu

soak: $(INSTALLED) ## mixed requests on a starved engine, and thousands of mutated files (half an hour)
	$(BIN)/python -m benchmarks.engine.soak
	$(BIN)/python -m benchmarks.fuzz

soak-living: $(INSTALLED) ## five node processes, one killed (-9) every two seconds under load; a coordinator that is killed and comes back
	$(BIN)/python -m benchmarks.living.soak

soak-serve: $(INSTALLED) ## 200 clients of a gateway for ten minutes, some of which vanish or send rubbish; it is killed (-9) in the middle
	$(BIN)/python -m benchmarks.serving.soak

conformance: $(INSTALLED) ## what others say of the protocols that a gateway serves; suites are fetched into .bench, once
	$(BIN)/python -m tools.conformance

zoo: $(VENV)/.training ## train every model of the zoo again and measure it (hours on two cores; resumable)
	$(BIN)/python -m tools.zoo.training all --threads $(THREADS)
	$(BIN)/python -m tools.zoo.measure

measure: $(INSTALLED) ## measure the shipped zoo with our own inference and write its cards
	$(BIN)/python -m tools.zoo.measure

policy: $(INSTALLED) ## learn again which system the zoo uses for which kind of question, and ship it
	$(BIN)/agentnet learn auto --out policies/zoo.yaml

wheel: $(INSTALLED) ## build the wheel
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

constraints: $(INSTALLED) ## pin the versions that are installed now
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools --exclude torch | grep -v ' @ ' > constraints.txt

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.bridges: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[lm-eval]'
	touch $@

$(VENV)/.training: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train]' torch==2.13.0
	touch $@

clean: ## remove what was built, except the environment
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .zoo-work .bench
