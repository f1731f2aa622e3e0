"""Build .venv/peers: an environment for each group of peers in pyproject.toml. `make peers` runs this.

With uv where there is one, else with pip. What is there and up to date is left alone. A package that cannot be had is
no error of the course: its tests are skipped, and this says so and ends with 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from course_lib.bootstrap import find_uv

from .environment import FOLDER, GROUPS, is_built, python_of, stamp_of


def build(group: str) -> bool:
    folder, python, uv = FOLDER / group, str(python_of(group)), find_uv()
    shutil.rmtree(folder, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if uv:
        made = [uv, "venv", "-q", "--python", sys.executable, str(folder)]
        install = [uv, "pip", "install", "-q", "--python", python, *GROUPS[group]]
    else:
        made = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-input", *GROUPS[group]]
    for command in (made, install):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            print("\n    ".join([f"{group} cannot be built:", *done.stderr.splitlines()[-6:]]), file=sys.stderr)
            (FOLDER / f"{group}.missing").write_text(done.stderr)  # says why its tests are skipped
            return False
    (FOLDER / f"{group}.missing").unlink(missing_ok=True)
    (folder / "peers.stamp").write_text(stamp_of(group))
    return True


if __name__ == "__main__":
    missing = [group for group in GROUPS if not is_built(group)]
    if missing:
        print(f"Building .venv/peers: {', '.join(missing)}.", file=sys.stderr, flush=True)
    built = [build(group) for group in missing]
    sys.exit(0 if all(built) else 1)
