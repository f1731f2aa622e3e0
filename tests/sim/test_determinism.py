"""One digest over scenarios, faults and seeds, the same under every hash seed, on every Python and every machine.

`EXPECTED` changes only when the simulation changes what it does; say why in the commit. Run this module to print it:
`python -m tests.sim.test_determinism`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .scenarios import ALL, FAULTS, play

EXPECTED = "0cba82cb16c991a1"
ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
NEEDS = "import fakeredis, lupa, redis"


def digest() -> str:
    """20 seeds of each scenario, undisturbed and with every fault at once; 4 with each fault alone."""
    whole = hashlib.sha256()
    for scenario in ALL:
        for faults in FAULTS:
            for seed in range(20 if faults in ("none", "all") else 4):
                sim = play(scenario, seed, faults)
                results = sorted((name, repr(value)) for name, value in sim.results.items())
                whole.update(f"{sim.trace.digest()} {results} {sim.trace.notes} {sim.loop.steps}\n".encode())
    return whole.hexdigest()[:16]


def digest_of(python: str, hash_seed: str) -> str:
    """Another process's digest."""
    done = subprocess.run(
        [python, "-m", "tests.sim.test_determinism"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_digest_is_the_one_that_was_recorded() -> None:
    assert digest() == EXPECTED


def installed(version: str) -> list[str]:
    """Every interpreter of a version: on PATH, and in pyenv's folder where PYENV_ROOT names it."""
    found = [shutil.which(f"python{version}")]
    if root := os.environ.get("PYENV_ROOT"):
        found += [str(path) for path in sorted(Path(root).glob(f"versions/{version}.*/bin/python"))]
    runs = [path for path in found if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0]
    return list(dict.fromkeys(runs))


@pytest.fixture(params=PYTHONS)
def other_python(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An interpreter of another version that has what the simulation needs, or that is given it."""
    found = installed(request.param) if not sys.version.startswith(request.param) else [sys.executable]
    for path in found:
        if subprocess.run([path, "-c", NEEDS], capture_output=True, check=False).returncode == 0:
            return path
    if not found:
        pytest.skip("this Python is not installed")
    if not os.environ.get("COURSE_SLOW"):
        pytest.skip("COURSE_SLOW is not set")
    environment = tmp_path / "environment"
    subprocess.run([found[-1], "-m", "venv", environment], check=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [python, "-m", "pip", "install", "-q", "--require-hashes", "-r", ROOT / "requirements.lock"]
    subprocess.run(command, check=True)
    return str(python)


def test_the_digest_follows_neither_the_python_nor_pythonhashseed(other_python: str) -> None:
    """The one that runs the tests is among them. Here the seed is 2; in this very process, above, it is drawn."""
    assert digest_of(other_python, "2") == EXPECTED


if __name__ == "__main__":
    print(digest())
