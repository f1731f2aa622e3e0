"""`python -m tests.benchmarks` does what `make bench` does."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.exit(pytest.main(["-p", "no:xdist", "-s", "-o", "python_files=bench_*.py", str(HERE), *sys.argv[1:]]))
