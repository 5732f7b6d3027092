# Everything runs in .venv, which is made from requirements.lock on first use, and again when that changes.
# PYTHON names the Python to make it with (for another one: make clean, then again):  make lab PYTHON=python3.12
WINDOWS := $(filter Windows_NT,$(OS))
# What to hand on:  make lab LAB_FLAGS="--no-browser --port=9999",  make test PYTEST_FLAGS="-k data",
# make lock LOCK_FLAGS=--upgrade (the newest version of every dependency; with "--upgrade --resolution=lowest-direct" the
# oldest that pyproject.toml allows: then `make test`, with the oldest Python, proves that they will do)
LAB_FLAGS ?=
PYTEST_FLAGS ?=
LOCK_FLAGS ?=

SCRIPTS := $(if $(WINDOWS),Scripts,bin)
BIN := .venv/$(SCRIPTS)
# What publishes the course needs more than the course; it has an environment of its own.
PUBLISH := .publish/$(SCRIPTS)
# uv, Jupyter and Matplotlib keep files in the home directory, and Jupyter does not start without. Where there is none
# that can be written, as in some containers, a folder here takes its place, or else a temporary one.
NEW_HOME := $(shell test -w ~ || { mkdir -p build/home && cd build/home && pwd; } 2>/dev/null || mktemp -d)
$(if $(NEW_HOME),$(eval export HOME := $(NEW_HOME)))

CHAPTERS := $(wildcard notebooks/0*.ipynb)
# What the linter reads.
PYTHON_CODE := conftest.py helpers tools tests notebooks
# What `make check` runs: not the long tests of helpers, nor the exercises that build layers of Keras.
CHECKED := tests/tools/test_lint.py tests/helpers tests/teaching/test_exercises.py notebooks/02_forward_recurrence.ipynb \
  $(addprefix --ignore=tests/helpers/test_,$(addsuffix .py,models random_networks tf_rnn)) \
  -k "not (find_the_leak or mask_arrives or masked_cell or unroll_cell or keep_the_mask or leaky_cell or in_chunks or keras_)"
COURSE := notebooks/index.ipynb $(CHAPTERS) $(wildcard notebooks/workshops/*.ipynb notebooks/reference/*.ipynb)

.PHONY: help lab reset update check test stress notebooks solutions site slides assignment lite links audit test-publish bench bench-widgets format lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

lab: .venv/ready ## open the course in JupyterLab
	$(BIN)/python -m jupyterlab $(if $(filter 0,$(shell id -u 2>/dev/null)),--allow-root) \
	  --LabApp.default_url=lab/tree/notebooks/index.ipynb $(LAB_FLAGS)

reset: .venv/ready ## set a chapter back to how it came, and keep yours in notebooks/mine:  make reset CHAPTER=2
	$(BIN)/python -m tools.restore reset $(CHAPTER)

update: .venv/ready ## fetch the newest version of the course, and keep what you changed in notebooks/mine
	$(BIN)/python -m tools.restore update

test: .venv/ready ## run every test, and every notebook against its stored outputs
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

check: .venv/ready ## run what every edit should pass, in two minutes: the linter, helpers, the exercises, one chapter
	$(BIN)/python -m pytest $(CHECKED) $(PYTEST_FLAGS)

stress: .venv/ready ## run the tests that take too long for every day
	$(BIN)/python -m pytest -m stress --hypothesis-profile=stress $(PYTEST_FLAGS)

notebooks: .venv/ready ## execute every notebook anew and store its outputs in normal form
	$(BIN)/python -m tools.notebooks $(COURSE)

solutions: .venv/ready ## write the chapters with every exercise solved into build/solutions, for teachers
	$(BIN)/python -m tools.solutions build/solutions $(CHAPTERS)

site: .publish/ready ## build the static edition for the web into build/site
	$(PUBLISH)/python -m sphinx -q -W --keep-going -E -c tools/publish/site notebooks build/site

slides: .publish/ready ## build a deck of slides for each chapter into build/slides
	$(PUBLISH)/python tools/publish/slides.py build/slides $(CHAPTERS)

assignment: .publish/ready ## make an nbgrader course of the chapters in build/assignment
	$(PUBLISH)/python tools/publish/assignment.py build/assignment $(CHAPTERS)

lite: .publish/ready ## build the edition that runs in the reader's browser into build/lite
	$(PUBLISH)/python tools/publish/lite.py build/lite

links: .publish/ready ## ask every other site that the chapters link to whether the page still exists (needs a network)
	$(PUBLISH)/python -m sphinx -q -W --keep-going -E -b linkcheck -c tools/publish/site notebooks build/links

audit: .publish/ready ## look up every locked package among the known vulnerabilities (needs a network)
	$(PUBLISH)/python -m pip_audit --strict --disable-pip --require-hashes -r requirements.lock -r tools/publish/requirements.lock
	npm audit --prefix tools/publish

test-publish: .publish/ready ## build everything that is published once more and test it
	$(PUBLISH)/python -m pytest -p no:xdist -o addopts=--strict-markers tests/publish $(PYTEST_FLAGS)

bench: .venv/ready ## measure the recurrence beside Keras's (some minutes, on a quiet machine)
	$(BIN)/python tests/benchmarks/recurrence.py

bench-widgets: .venv/ready ## measure how fast the interactive figures answer, in a Chromium
	$(BIN)/python tests/benchmarks/widgets.py

format: .venv/ready ## repair and format the code, also in the notebooks
	$(BIN)/python -m ruff check --fix --exit-zero $(PYTHON_CODE)
	$(BIN)/python -m ruff format $(PYTHON_CODE)

COMPILE = sh tools/uv.sh pip compile --quiet --universal --generate-hashes --fork-strategy fewest --python-version 3.11 \
	  --prerelease disallow --no-header $(LOCK_FLAGS) --extra test

lock: ## derive both requirements.lock from pyproject.toml
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra publish --constraints requirements.lock --output-file tools/publish/requirements.lock pyproject.toml

clean: ## delete the environment, all caches, and what was built, but for build/assignment and build/solutions
	rm -rf .venv .publish .uv build/home build/jupyter_execute build/lite build/links build/site build/slides tools/publish/node_modules __pycache__ .pytest_cache .hypothesis .ruff_cache *.egg-info
	find helpers tools tests notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

.venv/ready: requirements.lock pyproject.toml
	sh tools/environment.sh $(@D) $<
	$(BIN)/python -c "import matplotlib.pyplot"
	touch $@

.publish/ready: tools/publish/requirements.lock tools/publish/package-lock.json pyproject.toml
	sh tools/environment.sh $(@D) $<
	npm ci --ignore-scripts --prefix tools/publish --no-audit --no-fund
	touch $@

# npm and a program of nbgrader's are called by their names.
.publish/ready assignment audit test-publish: export PATH := $(CURDIR)/$(PUBLISH)$(if $(WINDOWS),;,:)$(PATH)
