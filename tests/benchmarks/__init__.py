"""Speed, measured alone on the machine: `make bench`, or `python -m tests.benchmarks`."""
