"""The Python of the edition in a browser, run by Node.js: what it does to a module of the tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LITE = ROOT / ".artefacts" / "lite"
built = pytest.mark.skipif(
    not (LITE / "index.html").exists() or shutil.which("node") is None,
    reason="the edition for a browser is not built (make lite)",
)


def in_the_browsers_python(module: str) -> str:
    """What a module of the tests prints there."""
    command = ["node", str(Path(__file__).with_name("machine.mjs")), str(LITE), str(ROOT), module]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
