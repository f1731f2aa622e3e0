# `make lab` opens the course, `make test` passes its tests; `make` alone lists every target.
# Each builds .venv first, if it is missing or was built from another requirements.lock.
# GNU make 3.81 (macOS) must be able to read this: no .ONESHELL, no grouped targets, no != or ::=.

PYTHON = python3
COURSE = .venv/bin/python
WORKSPACES = $(CURDIR)/.venv/workspaces
OWN_HOME = $(CURDIR)/.venv/home
WORKERS = 4
LAB_ARGS =
OPENS = notebooks/README.md
LIVE = $(CURDIR)/.venv/live
DECK = notebooks/decks/05_stampede.ipynb
TEST_ARGS =
MUTANTS_ARGS =
KIT =
CLASS = .artefacts/class

help: ## list the targets
	@echo 'Usage: make TARGET'
	@awk -F ': .*## ' '/^[a-z]+: .*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

env: ## build .venv (PYTHON=… chooses another python3)
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON) here: install Python 3.11, 3.12, 3.13 or 3.14, and run the same command again." >&2; \
	    exit 1; }
	@$(PYTHON) -I course_lib/bootstrap.py

# The workspace (which tabs are open) is the course's own, so that another project's tabs stay out of it. Where the home
# cannot be written, so are Jupyter's other folders. Language servers are not looked for: nearly nobody has the twenty.
lab: env ## open JupyterLab on the lesson map (LAB_ARGS="--no-browser --port=9999" and so on)
	@for folder in "$$HOME" "$$HOME/.jupyter" "$$HOME/.local/share/jupyter" "$$HOME/.ipython"; do \
	    if { [ "$$folder" = "$$HOME" ] || [ -e "$$folder" ]; } && ! [ -d "$$folder" -a -w "$$folder" ]; then \
	        echo "The folder $$folder cannot be written, so Jupyter keeps its own files in .venv/home." >&2; \
	        mkdir -p "$(OWN_HOME)" && export HOME="$(OWN_HOME)"; \
	        unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME; break; \
	    fi; \
	done; \
	if [ "$$(id -u)" = 0 ]; then root=--allow-root; fi; \
	JUPYTERLAB_WORKSPACES_DIR="$(WORKSPACES)" exec $(COURSE) -m jupyterlab --ServerApp.root_dir="$(CURDIR)" \
	    --LabApp.default_url="/lab/tree/$(OPENS)" --LabApp.extension_manager=readonly \
	    --LabApp.extra_labextensions_path="$(CURDIR)/course_lib/jupyterlab" \
	    --LanguageServerManager.autodetect=False $$root $(LAB_ARGS)

# Slides are an extension of JupyterLab that lies in a folder of its own; without it a deck opens as a notebook.
live: env ## open a deck for a class as slides (DECK=notebooks/decks/03_lost_update.ipynb; LAB_ARGS as above)
	@$(COURSE) -m course_lib.slides "$(LIVE)" "$(DECK)"
	@JUPYTER_PATH="$(LIVE)/share/jupyter$${JUPYTER_PATH:+:$$JUPYTER_PATH}" \
	    $(MAKE) --no-print-directory -o env lab OPENS="$(DECK)"

# More workers than cores, as tests wait half of their time; a file stays together, so it starts its servers once.
test: env ## run the tests (TEST_ARGS="-x tests/test_house.py" and so on; WORKERS=0 for one process)
	@$(COURSE) -m pytest -n $(WORKERS) --dist loadfile $(TEST_ARGS)

peers: env ## build .venv/peers, the libraries that tests and benchmarks compare ours with
	@$(COURSE) -m tests.peers.build

bench: env ## measure speed beside the peers, alone on the machine
	-@$(COURSE) -m tests.peers.build --bench
	@$(COURSE) -m pytest -p no:xdist -s -o python_files='bench_*.py' tests/benchmarks $(TEST_ARGS)

soak: env ## ninety minutes of random use: does memory level off? (SOAK_MINUTES=3)
	@$(COURSE) -m pytest -p no:xdist -s -o faulthandler_timeout=0 -o python_files='soak_*.py' tests/benchmarks $(TEST_ARGS)

mutants: env ## judge mutants of the solutions, or of KIT=patterns, sim or explore (MUTANTS_ARGS="--sample 6" and so on)
	@$(COURSE) -m tests.mutants$(if $(KIT),.kits $(KIT)) --jobs 2 $(MUTANTS_ARGS)

check: env ## ruff (rules, format) and mypy --strict on course_lib
	@$(COURSE) -m ruff check .
	@$(COURSE) -m ruff format --check .
	@$(COURSE) -m mypy

exercises: env ## generate exercises/ from solutions/
	@$(COURSE) -m course_lib.grading.make_exercises

reference: env ## generate course_lib/patterns/README.md from the docstrings
	@$(COURSE) -m course_lib.reference

site: env ## write the course as pages to read into .artefacts/site (needs npm)
	@$(COURSE) -m course_lib.website

lite: env ## write the course for a browser alone into .artefacts/lite (needs npm)
	@$(COURSE) -m course_lib.lite

class: env ## thirty made-up submissions to try the grader on (CLASS=folder)
	@$(COURSE) -m course_lib.grading class "$(CLASS)"

lock: ## write requirements.lock anew from pyproject.toml (needs uv; LOCK_ARGS=--upgrade for the newest)
	@uv export -q --no-header --no-annotate --no-emit-project --extra grader --group dev -o requirements.lock $(LOCK_ARGS)

clean: ## remove .venv and every cache; nothing of yours
	@rm -rf .venv .pytest_cache .hypothesis .mypy_cache .ruff_cache .artefacts
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help env lab live test peers bench soak mutants check exercises reference site lite class lock clean
