# The jobs of this repository. Each sets up what it needs first (see scripts/setup.sh).
PY := .venv/bin/python

.PHONY: help setup demo test lint bench proof clean results
help:
	@echo "make demo   from nothing to a verified (emulated) board: out/demo/report/report.html"
	@echo "make test   lint, type check and every test, with real firmware in the emulator"
	@echo "make bench  instructions, flash and RAM of the engine on the emulated board"
	@echo "make proof  the engine's comparisons at full size: bench/proof.md (long)"
	@echo "make results  the main tables, from real recordings: results/*.json and docs/results.md"
	@echo "make lint   ruff, mypy --strict and clang-format"

setup:
	@scripts/setup.sh

demo: setup
	.venv/bin/myofin demo --out out/demo

test: setup lint
	$(PY) -m pytest -n 2 --dist loadfile

results: setup
	nice -n 5 $(PY) bench/results.py

lint: setup
	scripts/lint.sh

bench: setup
	$(PY) bench/run.py

proof: setup
	$(PY) bench/proof.py

clean:
	rm -rf out build
