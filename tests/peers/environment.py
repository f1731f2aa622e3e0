"""The peers' environments, and a script that runs in one: it is told lines and says lines, each of them JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from course_lib import groups
from course_lib.servers import GuardedProcess, guarded

ROOT = groups.ROOT
FOLDER = ROOT / ".venv" / "peers"
SCRIPTS = Path(__file__).parent / "scripts"
GROUPS: dict[str, list[str]] = {
    name: groups.pins(name) for name in groups.PROJECT["dependency-groups"] if name.startswith(("peers", "bench"))
}
"""Their packages. No test needs one that begins with bench: benchmarks do."""


def python_of(group: str) -> Path:
    return groups.python_of(FOLDER / group)


def is_built(group: str) -> bool:
    return groups.is_built(FOLDER / group, GROUPS[group])


def skip_without(group: str) -> None:
    """Skip the running test, saying why, if that environment is not there."""
    if (FOLDER / f"{group}.missing").exists():
        pytest.skip("the package index could not supply the peers")
    if not is_built(group):
        pytest.skip(f"the peers are not installed (make {group.partition('-')[0]})")


def packages_of(group: str) -> Path:
    """Where an environment keeps its packages; the test is skipped if it is not there."""
    skip_without(group)
    pattern = "lib/python*/site-packages" if os.name == "posix" else "Lib/site-packages"
    return next((FOLDER / group).glob(pattern))


def in_group(group: str, module: str, *words: str, at: Path, environment: Mapping[str, str]) -> None:
    """Run `python -m module …` of a group's environment in a folder; it must end well."""
    command = [str(python_of(group)), "-m", module, *words]
    done = subprocess.run(command, cwd=at, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Script:
    """scripts/NAME.py in a peers' environment (or, with group "", in ours), until it ends or the block does."""

    def __init__(self, name: str, *arguments: str, group: str = "peers") -> None:
        if group:
            skip_without(group)
        python = str(python_of(group)) if group else sys.executable
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [python, str(SCRIPTS / f"{name}.py"), *arguments]
        self.process: GuardedProcess = guarded(command, env=environment, **pipes)

    def hear(self) -> Any:
        """The next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate(timeout=20)
            pytest.fail(f"the script ended without a word:\n{errors}")
        return json.loads(line)

    def tell(self, what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def ask(self, what: Any) -> Any:
        self.tell(what)
        return self.hear()

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.end()


def heard_from(name: str, *arguments: str, group: str = "peers") -> Any:
    """The one line that a script says."""
    with Script(name, *arguments, group=group) as script:
        return script.hear()
